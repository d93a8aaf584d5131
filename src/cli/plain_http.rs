//! One small HTTP request to this server on its own machine, for `phonehub healthcheck`. Knows no TLS.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// An answer: its status and body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Asks by GET.
pub(super) fn ask(at: SocketAddr, path: &str) -> io::Result<Answer> {
    let at = reachable(at);
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP/1.0, so that the answer ends with the connection and is not chunked.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// A listener on every address is asked over loopback.
fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_others_refused() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{\"x\":1}\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{\"x\":1}\r\n\r\n"));
        assert!(parse("SSH-2.0-OpenSSH").is_none());
        assert!(parse("HTTP/1.1 abc\r\n\r\n").is_none());
    }

    #[test]
    fn a_listener_on_every_address_is_asked_over_loopback() {
        for (listen, asked) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}

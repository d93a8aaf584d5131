//! One subscription over `graphql-transport-ws`, read as cheaply as frames can be: a thousand of them share the machine with
//! the server that they measure. Written from RFC 6455; a mask of zeros leaves a client's frame as it is.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Outcome;

/// Statuses of an organisation's messages, with the text that the measures count by.
pub const WATCH: &str = "subscription { messageStatusChanged { cursor node { id status body } } }";

/// An open socket with one running subscription.
pub struct Subscriber {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read already.
    taken: usize,
}

impl Subscriber {
    /// Connects, authenticates, subscribes, and waits until the server has worked on it.
    pub async fn open(server: SocketAddr, key: &str, query: &str) -> Outcome<Self> {
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /graphql HTTP/1.1\r\nhost: {server}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut subscriber = Self { stream, buffer: Vec::new(), taken: 0 };
        subscriber.take_head().await?;
        let init = format!(r#"{{"type":"connection_init","payload":{{"token":"{key}"}}}}"#);
        subscriber.say(&init).await?;
        subscriber.wait_for("connection_ack").await?;
        let subscribe = serde_json::json!({ "type": "subscribe", "id": "1", "payload": { "query": query } });
        subscriber.say(&subscribe.to_string()).await?;
        subscriber.say(r#"{"type":"ping"}"#).await?;
        subscriber.wait_for("pong").await?;
        Ok(subscriber)
    }

    /// The next event's text; pings of the server are answered on the way.
    pub async fn next(&mut self) -> Outcome<&str> {
        loop {
            let frame = self.frame().await?;
            if !self.buffer[frame.clone()].starts_with(br#"{"type":"ping""#) {
                return Ok(std::str::from_utf8(&self.buffer[frame])?);
            }
            self.say(r#"{"type":"pong"}"#).await?;
        }
    }

    async fn wait_for(&mut self, word: &str) -> Outcome<()> {
        loop {
            let frame = self.frame().await?;
            let text = std::str::from_utf8(&self.buffer[frame])?;
            if text.contains(word) {
                return Ok(());
            }
            if text.contains("error") {
                return Err(text.into());
            }
        }
    }

    async fn take_head(&mut self) -> Outcome<()> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let switched = self.buffer.starts_with(b"HTTP/1.1 101");
                self.taken = at + 4;
                return if switched { Ok(()) } else { Err("the server did not upgrade".into()) };
            }
            self.more().await?;
        }
    }

    /// Where the next whole frame's payload lies.
    async fn frame(&mut self) -> Outcome<std::ops::Range<usize>> {
        loop {
            if let Some((payload, opcode)) = whole_frame(&self.buffer, self.taken) {
                self.taken = payload.end;
                match opcode {
                    1 => return Ok(payload),
                    8 => return Err("the server closed the socket".into()),
                    _ => continue,
                }
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server hung up".into()),
            _ => Ok(()),
        }
    }

    async fn say(&mut self, text: &str) -> Outcome<()> {
        let length = u16::try_from(text.len())?;
        let mut frame = vec![0x81];
        match u8::try_from(length) {
            Ok(short) if short < 126 => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 0x7e);
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }
}

/// Payload and opcode of the unmasked frame that begins at `at`, once all of it is there.
fn whole_frame(buffer: &[u8], at: usize) -> Option<(std::ops::Range<usize>, u8)> {
    let bytes = buffer.get(at..)?;
    let (opcode, short) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
    let (begin, length) = match short {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let end = begin + usize::try_from(length).ok()?;
    (bytes.len() >= end).then(|| (at + begin..at + end, opcode))
}

/// The number that a measure wrote into the message's text.
pub fn number_in(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(r#""body":"n"#)?;
    rest.split('"').next()?.parse().ok()
}

/// As many subscribers as that, of one organisation, opened a few at a time.
pub async fn open_many(server: SocketAddr, key: &str, count: usize) -> Outcome<Vec<Subscriber>> {
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let some = (open.len()..count).take(50).map(|_| Subscriber::open(server, key, WATCH));
        open.extend(futures_util::future::try_join_all(some).await?);
    }
    Ok(open)
}

//! Who is at the other end of a connection as far as headers can tell: request id, address, bearer token, origin.
//! Whether the token counts is `base::auth`'s matter.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::header::{AUTHORIZATION, FORWARDED, ORIGIN};
use http::{Extensions, HeaderMap, HeaderName};
use url::{Host, Url};
use uuid::Uuid;

use super::connections::Peer;
use crate::base::ctx::RequestInfo;
use crate::config::{ForwardedHeader, Proxies};

/// The header of the request id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies in a row at most.
const MOST_HOPS: usize = 32;
const LONGEST_REQUEST_ID: usize = 64;

/// Where a request came from. A peer that is none of our proxies speaks for itself, whatever its headers say; what is left
/// of the first address that is none of theirs is hearsay.
pub fn request_info(headers: &HeaderMap, extensions: &Extensions, proxies: &Proxies) -> RequestInfo {
    let peer = extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.ip());
    let ip = peer.map(|peer| client_behind(peer, headers, proxies));
    RequestInfo { request_id: request_id(headers), ip, ..RequestInfo::default() }
}

/// The client's own id when it is harmless in logs, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given.filter(|id| is_harmless(id)) {
        Some(id) => id.into(),
        None => Uuid::now_v7().simple().to_string().into(),
    }
}

fn is_harmless(id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !id.is_empty() && id.len() <= LONGEST_REQUEST_ID && id.bytes().all(legal)
}

/// Goes back hop by hop while the speaker is a proxy of ours; one that names nobody, or not an address, is the last that
/// is known.
fn client_behind(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let mut client = peer;
    for hop in hops(headers, proxies.header) {
        match hop {
            Some(ip) if proxies.include(client) => client = ip,
            _ => break,
        }
    }
    client
}

/// Whom each proxy spoke for, the nearest proxy's word first. Commas are split without regard to quotes, which only a
/// hostile client sends: what our own proxies appended stands behind the last ones.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> impl Iterator<Item = Option<IpAddr>> {
    let name = match header {
        ForwardedHeader::XForwardedFor => FORWARDED_FOR,
        ForwardedHeader::Forwarded => FORWARDED,
    };
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let words = lines.into_iter().rev().flat_map(|line| line.rsplit(',')).take(MOST_HOPS);
    words.map(move |word| match header {
        ForwardedHeader::XForwardedFor => address(word.trim()),
        ForwardedHeader::Forwarded => speaks_for(word),
    })
}

/// The `for` of one element, such as `for="[2001:db8::1]:4711";proto=https` (RFC 7239 section 4).
fn speaks_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    address(named.next()?.1.trim_matches('"'))
}

/// An address, bare or in brackets, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// A header or payload that should hold a bearer token (RFC 6750).
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// There is none.
    Absent,
    /// There is one; it may still be wrong.
    Token(&'a str),
    /// There is something else, which is never taken for "none".
    Malformed,
}

/// The token of the `Authorization` header.
pub fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Bearer::Absent,
        (Some(value), None) => value.to_str().map_or(Bearer::Malformed, credentials),
        (Some(_), Some(_)) => Bearer::Malformed,
    }
}

/// The token of credentials such as `Bearer abc`; the scheme's case does not matter (RFC 9110 section 11.1).
pub fn credentials(value: &str) -> Bearer<'_> {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Bearer::Token(token.trim())
        }
        _ => Bearer::Malformed,
    }
}

/// Which web pages may open sockets. Browsers do not apply CORS to sockets, so the server must look itself.
#[derive(Clone, Debug)]
pub struct Origins {
    allowed: Vec<String>,
    own: Url,
}

impl Origins {
    /// The configured origins (`*` for all); without any, pages of our own public address.
    pub fn new(allowed: &[String], public_url: &Url) -> Self {
        let allowed = allowed.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        Self { allowed, own: public_url.clone() }
    }

    /// Whether a page of this request's origin may go on. No `Origin` means no browser: such clients pass.
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.allowed.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        Url::parse(origin).is_ok_and(|origin| self.is_own(&origin))
    }

    /// The public address itself; on loopback under each of its names, which people type as they like.
    fn is_own(&self, origin: &Url) -> bool {
        origin.origin() == self.own.origin()
            || (is_loopback(&self.own)
                && is_loopback(origin)
                && origin.scheme() == self.own.scheme()
                && origin.port_or_known_default() == self.own.port_or_known_default())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether the `Host` that the client typed is a name of this machine: a page under a foreign name that resolves to
/// loopback (DNS rebinding) must not read what only the owner may see.
pub fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| Url::parse(&format!("http://{host}")).ok()).is_some_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_clients_request_id_is_kept_only_when_harmless() {
        assert_eq!(&*request_id(&headers(&[("x-request-id", "abc-1.2_3:4")])), "abc-1.2_3:4");
        for bad in ["", "a b", "a\"b", "x\u{7f}"] {
            let mut map = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(bad) {
                map.insert(REQUEST_ID, value);
            }
            assert_eq!(request_id(&map).len(), 32, "{bad:?}");
        }
    }

    fn ip(peer: &str, header: ForwardedHeader, trusted: &str, map: &HeaderMap) -> String {
        let networks = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(Peer(SocketAddr::new(peer.parse().unwrap(), 1))));
        request_info(map, &extensions, &Proxies { networks, header }).ip.unwrap().to_string()
    }

    #[test]
    fn only_what_our_proxies_wrote_counts() {
        use ForwardedHeader::XForwardedFor as Words;
        let map = headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.1"), ("forwarded", "for=7.7.7.7")]);
        assert_eq!(ip("127.0.0.1", Words, "", &map), "127.0.0.1", "no proxies");
        assert_eq!(
            ip("203.0.113.5", Words, "127.0.0.0/8", &map),
            "203.0.113.5",
            "a stranger speaks for itself"
        );
        assert_eq!(ip("127.0.0.1", Words, "127.0.0.1", &map), "10.0.0.1", "one proxy");
        assert_eq!(ip("127.0.0.1", Words, "127.0.0.1 10.0.0.0/8", &map), "1.2.3.4", "two proxies");
        assert_eq!(ip("127.0.0.1", Words, "0.0.0.0/0", &map), "6.6.6.6", "everybody is a proxy");
        let unreadable = headers(&[("x-forwarded-for", "1.2.3.4, unknown")]);
        assert_eq!(ip("10.0.0.1", Words, "10.0.0.0/8", &unreadable), "10.0.0.1");
        let ports = headers(&[("x-forwarded-for", "9.9.9.9, [2001:db8::1]:443, 1.2.3.4:80")]);
        assert_eq!(ip("10.0.0.1", Words, "10.0.0.0/8 1.2.3.4", &ports), "2001:db8::1");
    }

    #[test]
    fn two_lines_are_one_list() {
        let trusted = "10.0.0.0/8 1.2.3.4";
        let mut both = HeaderMap::new();
        both.append(FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
        both.append(FORWARDED_FOR, HeaderValue::from_static("1.2.3.4, 10.0.0.2"));
        assert_eq!(ip("10.0.0.1", ForwardedHeader::XForwardedFor, trusted, &both), "6.6.6.6");
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says_and_only_when_asked_for() {
        use ForwardedHeader::Forwarded as Standard;
        let map = headers(&[
            (
                "forwarded",
                "for=\"evil, For=\"[2001:db8:cafe::17]:4711\";proto=https, proto=http;for=10.0.0.2",
            ),
            ("x-forwarded-for", "6.6.6.6"),
        ]);
        assert_eq!(ip("10.0.0.1", Standard, "10.0.0.0/8", &map), "2001:db8:cafe::17");
        assert_eq!(ip("10.0.0.1", Standard, "10.0.0.1", &map), "10.0.0.2");
        let hidden = headers(&[("forwarded", "for=1.2.3.4, for=_hidden")]);
        assert_eq!(ip("10.0.0.1", Standard, "0.0.0.0/0", &hidden), "10.0.0.1");
    }

    #[test]
    fn a_strange_authorization_is_not_anonymous() {
        assert_eq!(bearer(&headers(&[])), Bearer::Absent);
        assert_eq!(bearer(&headers(&[("authorization", "bearer abc")])), Bearer::Token("abc"));
        for bad in ["abc", "Basic abc", "Bearer ", ""] {
            assert_eq!(credentials(bad), Bearer::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn foreign_pages_open_no_sockets() {
        let own = Origins::new(&[], &Url::parse("https://api.example.com").unwrap());
        assert!(own.allow(&headers(&[])));
        assert!(own.allow(&headers(&[("origin", "https://api.example.com")])));
        for foreign in
            ["https://evil.com", "http://api.example.com", "null", "https://api.example.com.evil.com"]
        {
            let mut map = HeaderMap::new();
            map.insert(ORIGIN, HeaderValue::from_str(foreign).unwrap());
            assert!(!own.allow(&map), "{foreign}");
        }
        let listed = Origins::new(&["https://app.example.com".to_owned()], &own.own);
        assert!(listed.allow(&headers(&[("origin", "https://app.example.com")])));
        let local = Origins::new(&[], &Url::parse("http://127.0.0.1:8080").unwrap());
        assert!(local.allow(&headers(&[("origin", "http://localhost:8080")])));
        assert!(!local.allow(&headers(&[("origin", "http://localhost:9090")])));
    }

    #[test]
    fn rebound_names_are_not_loopback() {
        assert!(is_loopback_host(&headers(&[("host", "localhost:8080")])));
        assert!(is_loopback_host(&headers(&[("host", "[::1]:8080")])));
        assert!(!is_loopback_host(&headers(&[("host", "evil.example:8080")])));
        assert!(!is_loopback_host(&headers(&[])));
    }
}

//! Which addresses may be connected to. The resolved address is checked and that very one is used, so a name cannot
//! change its mind in between.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// How far a client may reach; each step includes the one before. Link-local, metadata, multicast, documentation and
/// reserved addresses are never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Global unicast, and only over https.
    Public,
    /// And this machine, where plain http is allowed: the embedded sandbox.
    Loopback,
    /// And private networks (RFC 1918, RFC 4193, CGNAT), plain http allowed: a sandbox or proxy beside the server.
    Private,
}

/// Why a URL is not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    /// Neither http nor https, or no host.
    #[error("only http and https addresses with a host are fetched")]
    Scheme,
    /// Plain http to where the settings demand https.
    #[error("plain http is allowed only to addresses that the settings opened")]
    Insecure,
    /// Credentials in the URL would end in logs.
    #[error("an address must not carry credentials")]
    Credentials,
    /// The host is, or resolves to, an address out of reach.
    #[error("the address is not public and not allowed by the settings")]
    Address,
}

/// Checks what the URL itself says. Hosts written as numbers in any notation (`0x7f.1`, `2130706433`) are parsed to
/// addresses by `Url` and judged here; names are judged by the resolver.
pub(super) fn check(url: &Url, reach: Reach) -> Result<(), RefusedUrl> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RefusedUrl::Credentials);
    }
    let host = url.host().ok_or(RefusedUrl::Scheme)?;
    let address = match host {
        Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
        Host::Domain(_) => None,
    };
    if address.is_some_and(|ip| !within(ip, reach)) {
        return Err(RefusedUrl::Address);
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if reach == Reach::Private && !address.is_some_and(is_public) => Ok(()),
        "http" if reach == Reach::Loopback && is_this_machine(address, url.host_str()) => Ok(()),
        "http" => Err(RefusedUrl::Insecure),
        _ => Err(RefusedUrl::Scheme),
    }
}

fn is_this_machine(address: Option<IpAddr>, name: Option<&str>) -> bool {
    address.map_or(name == Some("localhost"), |ip| ip.to_canonical().is_loopback())
}

/// Secrets never travel there in the clear, whatever the settings opened.
fn is_public(ip: IpAddr) -> bool {
    needed(ip) == Some(Reach::Public)
}

fn within(ip: IpAddr, reach: Reach) -> bool {
    needed(ip).is_some_and(|needed| needed <= reach)
}

/// The least reach that includes an address; `None` for one that nobody needs (IANA special-purpose registries).
fn needed(ip: IpAddr) -> Option<Reach> {
    match ip {
        IpAddr::V4(ip) => needed_v4(ip),
        IpAddr::V6(ip) => needed_v6(ip),
    }
}

/// Blocks that are not public, from IANA's special-purpose registry; every other address is.
const SPECIAL_V4: [(Ipv4Addr, u32, Option<Reach>); 16] = [
    (Ipv4Addr::new(127, 0, 0, 0), 8, Some(Reach::Loopback)),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Some(Reach::Private)),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Some(Reach::Private)),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Some(Reach::Private)),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Some(Reach::Private)), // CGNAT
    (Ipv4Addr::UNSPECIFIED, 8, None),                         // this network
    (Ipv4Addr::new(169, 254, 0, 0), 16, None),                // link-local, cloud metadata
    (Ipv4Addr::new(192, 0, 0, 0), 24, None),                  // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24, None),                  // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24, None),                // 6to4 relays
    (Ipv4Addr::new(198, 18, 0, 0), 15, None),                 // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24, None),               // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24, None),                // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4, None),                   // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4, None),                   // reserved, broadcast
    (Ipv4Addr::new(168, 63, 129, 16), 32, None), // a cloud's inner services behind a public address
];

fn needed_v4(ip: Ipv4Addr) -> Option<Reach> {
    let inside = |block: Ipv4Addr, prefix: u32| (ip.to_bits() ^ block.to_bits()).leading_zeros() >= prefix;
    let special = SPECIAL_V4.iter().find(|&&(block, prefix, _)| inside(block, prefix));
    special.map_or(Some(Reach::Public), |&(.., reach)| reach)
}

/// Blocks of `2000::/3`, the only global unicast space, that are not public.
const SPECIAL_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, ORCHID, benchmarking
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn needed_v6(ip: Ipv6Addr) -> Option<Reach> {
    if ip.is_loopback() {
        return Some(Reach::Loopback);
    }
    if let Some(inside) = embedded_v4(ip) {
        return needed_v4(inside);
    }
    if ip.is_unique_local() {
        return Some(Reach::Private);
    }
    let inside = |block: Ipv6Addr, prefix: u32| (ip.to_bits() ^ block.to_bits()).leading_zeros() >= prefix;
    let public = inside(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
        && !SPECIAL_V6.iter().any(|&(block, prefix)| inside(block, prefix));
    public.then_some(Reach::Public)
}

/// The IPv4 address that a v4-mapped, v4-compatible, NAT64 or 6to4 address leads to.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0 | 0xffff, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x2002, high, low, ..]) = ip.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

/// Resolves names by the system and hands on only the addresses within reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    pub(super) reach: Reach,
    /// For plain http, which is not spoken beyond private networks.
    pub(super) plain: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { reach, plain } = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found = found.filter(|at| !plain || !is_public(at.ip())).collect();
            let allowed = permitted(found, reach)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn permitted(found: Vec<SocketAddr>, reach: Reach) -> io::Result<Vec<SocketAddr>> {
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|at| within(at.ip(), reach)).collect();
    if allowed.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, RefusedUrl::Address));
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(url: &str, reach: Reach) -> Result<(), RefusedUrl> {
        check(&Url::parse(url).expect("a URL"), reach)
    }

    #[test]
    fn plain_http_is_spoken_on_private_networks_alone() {
        assert_eq!(judge("http://10.0.0.1", Reach::Private), Ok(()));
        assert_eq!(judge("http://sandbox:8081", Reach::Private), Ok(()), "the resolver decides");
        assert_eq!(judge("http://3.3.3.3", Reach::Private), Err(RefusedUrl::Insecure));
        assert_eq!(judge("http://[2606:4700::1]", Reach::Private), Err(RefusedUrl::Insecure));
        assert_eq!(judge("https://3.3.3.3", Reach::Private), Ok(()));
    }

    #[test]
    fn odd_notations_of_inner_addresses_are_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:7f00:1::]",
            "[fc00::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[100::1]",
        ] {
            assert_eq!(
                judge(&format!("https://{host}/x"), Reach::Public),
                Err(RefusedUrl::Address),
                "{host}"
            );
        }
        for host in ["8.8.8.8", "[2606:4700:4700::1111]", "[64:ff9b::8.8.8.8]", "api.twilio.com"] {
            assert_eq!(judge(&format!("https://{host}/x"), Reach::Public), Ok(()), "{host}");
        }
    }

    #[test]
    fn each_reach_opens_its_own_addresses_only() {
        assert_eq!(judge("http://127.0.0.1:8081/", Reach::Loopback), Ok(()));
        assert_eq!(judge("http://[::ffff:127.0.0.1]/", Reach::Loopback), Ok(()));
        assert_eq!(judge("http://localhost:8081/", Reach::Loopback), Ok(()));
        assert_eq!(judge("http://api.twilio.com/", Reach::Loopback), Err(RefusedUrl::Insecure));
        assert_eq!(judge("http://8.8.8.8/", Reach::Loopback), Err(RefusedUrl::Insecure));
        assert_eq!(judge("https://10.0.0.1/", Reach::Loopback), Err(RefusedUrl::Address));
        assert_eq!(judge("http://10.0.0.1/", Reach::Private), Ok(()));
        assert_eq!(judge("http://sandbox:8081/", Reach::Private), Ok(()));
        assert_eq!(judge("http://169.254.169.254/", Reach::Private), Err(RefusedUrl::Address));
    }

    #[test]
    fn schemes_and_credentials_are_judged_first() {
        assert_eq!(judge("http://api.twilio.com/", Reach::Public), Err(RefusedUrl::Insecure));
        assert_eq!(judge("https://user:secret@api.twilio.com/", Reach::Public), Err(RefusedUrl::Credentials));
        assert_eq!(judge("ftp://8.8.8.8/", Reach::Private), Err(RefusedUrl::Scheme));
        assert_eq!(judge("file:///etc/passwd", Reach::Private), Err(RefusedUrl::Scheme));
    }

    #[test]
    fn a_name_keeps_only_its_addresses_within_reach() {
        let at = |ip: &str| SocketAddr::new(ip.parse().expect("an address"), 0);
        let found = vec![at("10.0.0.1"), at("8.8.8.8"), at("::1")];
        assert_eq!(permitted(found, Reach::Public).expect("one is public"), [at("8.8.8.8")]);
        let refused = permitted(vec![at("::1"), at("::ffff:10.0.0.1")], Reach::Public);
        assert_eq!(refused.expect_err("none is public").kind(), io::ErrorKind::PermissionDenied);
    }
}

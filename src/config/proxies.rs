//! Which machines in front of the server are believed when they say where a request came from.

use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses, as `10.0.0.0/8`, `2001:db8::/32` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

/// The text is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address or a network")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    /// An address with bits beyond its prefix is a mistake, not a wish.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let base = address.parse::<IpAddr>().map_err(|_| NotANetwork)?;
        let network = Self { base, bits: bits.unwrap_or_else(|| width(base)) };
        let tidy = network.bits <= width(base) && number(base) & !network.mask() == 0;
        tidy.then_some(network).ok_or(NotANetwork)
    }
}

impl Network {
    /// Whether an address lies in the block; a v4-mapped one counts as what it maps.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.base.is_ipv4() && number(ip) & self.mask() == number(self.base)
    }

    /// In the lowest bits, as [`number`] gives addresses.
    fn mask(&self) -> u128 {
        let all = if self.base.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
        let free = width(self.base) - self.bits;
        all & u128::MAX.checked_shl(free).unwrap_or(0)
    }
}

const fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The header in which proxies say whom they speak for. Only one is read: a proxy that writes one passes the other on as
/// the client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies in front and how they speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are; none: the peer's own address counts.
    pub networks: Vec<Network>,
    /// What they write.
    pub header: ForwardedHeader,
}

impl Proxies {
    /// Whether this is one of them.
    pub fn include(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_their_addresses_alone() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.0/31", "::ffff:192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("::1/128", "::1", "::2"),
        ] {
            let network: Network = block.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{block} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{block} {outside}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "2001:db8::/129", "10.0.0.0/-1", "proxy", "10.0.0.0/8/8", "/8"]
        {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}

//! Sockets that nobody vouches for: before `connection_init`, and without a token. They are few, in all and from each
//! address, so that strangers cannot take the places and the memory of those who are known.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::quota::{Permit, Quota};
use crate::config::Live;

/// The network that one party usually holds of IPv6.
const IPV6_PREFIX: u32 = 64;

/// The places of strangers in this process.
#[derive(Clone, Debug)]
pub struct Strangers {
    all: Arc<Semaphore>,
    addresses: Quota<Option<IpAddr>>,
}

/// One place, given back when dropped: when the socket ends, or its owner is known.
#[derive(Debug)]
pub struct Place {
    _one_of_all: OwnedSemaphorePermit,
    _of_address: Permit<Option<IpAddr>>,
}

impl Strangers {
    /// As many as the settings let in.
    pub fn new(config: &Live) -> Self {
        let all = config.strangers.min(Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(all)), addresses: Quota::new(config.strangers_per_address) }
    }

    /// Takes a place for a connection from this address; `None` when its share or all places are taken. Connections whose
    /// address is unknown share one count.
    pub fn take(&self, address: Option<IpAddr>) -> Option<Place> {
        let of_address = self.addresses.take(address.map(party))?;
        let one_of_all = self.all.clone().try_acquire_owned().ok()?;
        Some(Place { _one_of_all: one_of_all, _of_address: of_address })
    }
}

/// Addresses that one party can hold in any number count as one.
fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => {
            let network = u128::from(ip) >> (Ipv6Addr::BITS - IPV6_PREFIX) << (Ipv6Addr::BITS - IPV6_PREFIX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_bounded_in_all_and_by_address() {
        let live =
            Live { subscriber_queue: 1, sockets_per_organization: 1, strangers: 3, strangers_per_address: 2 };
        let strangers = Strangers::new(&live);
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let first = strangers.take(ip("2001:db8::1"));
        let second = strangers.take(ip("2001:db8::ffff:2"));
        assert!(first.is_some() && second.is_some());
        assert!(strangers.take(ip("2001:db8::3")).is_none(), "a network is one party");
        let third = strangers.take(ip("192.0.2.1"));
        assert!(third.is_some());
        assert!(strangers.take(ip("192.0.2.2")).is_none(), "all places are taken");
        drop(first);
        assert!(strangers.take(ip("192.0.2.2")).is_some());
        drop((second, third));
        assert!(strangers.take(None).is_some());
        assert_eq!(strangers.all.available_permits(), 3);
    }
}

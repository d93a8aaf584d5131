//! How many sockets or subscriptions an organisation or an address holds in this process. Counts only; who is refused how
//! is the transport's matter.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

/// A cap for each holder, such as `Option<OrganizationId>`: callers without one share a count of their own.
#[derive(Debug)]
pub struct Quota<K> {
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Quota<K> {
    fn clone(&self) -> Self {
        Self { most: self.most, held: self.held.clone() }
    }
}

/// One place of a quota, given back when dropped.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash> {
    quota: Quota<K>,
    holder: K,
}

impl<K: Copy + Eq + Hash> Quota<K> {
    /// At most `most` places a holder.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// Takes a place; `None` when all are taken.
    pub fn take(&self, holder: K) -> Option<Permit<K>> {
        let mut held = self.lock();
        let count = held.entry(holder).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Permit { quota: self.clone(), holder })
    }
}

impl<K> Quota<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().expect("no panic happens under this lock")
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut held = self.quota.lock();
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::OrganizationId;

    use super::*;

    #[test]
    fn places_are_per_organisation_and_given_back() {
        let quota = Quota::new(2);
        let (one, other) = (Some(OrganizationId::new()), Some(OrganizationId::new()));
        let first = quota.take(one);
        let second = quota.take(one);
        assert!(first.is_some() && second.is_some());
        assert!(quota.take(one).is_none());
        assert!(quota.take(other).is_some());
        drop(first);
        assert!(quota.take(one).is_some());
        drop(second);
        assert!(quota.lock().is_empty(), "nothing is kept of organisations that left");
    }
}

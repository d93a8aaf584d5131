//! How many sockets or subscriptions an organisation holds in this process. Counts only; who is refused how is the
//! transport's matter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use entity::ids::OrganizationId;

/// A cap for each organisation. Callers without one share a count of their own.
#[derive(Clone, Debug)]
pub struct Quota {
    most: usize,
    held: Arc<Mutex<HashMap<Option<OrganizationId>, usize>>>,
}

/// One place of a quota, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    quota: Quota,
    organization: Option<OrganizationId>,
}

impl Quota {
    /// At most `most` places an organisation.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// Takes a place; `None` when all are taken.
    pub fn take(&self, organization: Option<OrganizationId>) -> Option<Permit> {
        let mut held = self.lock();
        let count = held.entry(organization).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Permit { quota: self.clone(), organization })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<OrganizationId>, usize>> {
        self.held.lock().expect("no panic happens under this lock")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.quota.lock();
        if let Some(count) = held.get_mut(&self.organization) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.organization);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

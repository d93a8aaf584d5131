//! What the sandbox has counted, so that a test can ask how often it was called. Counting only.

use std::collections::HashMap;

use serde::Serialize;

/// Recipients that are counted one by one; more are only counted together.
const MOST_RECIPIENTS: usize = 200_000;

/// Counts since the start or the last reset.
#[derive(Debug, Default, Serialize)]
pub(super) struct Stats {
    /// Requests to create a message, whatever became of them.
    pub(super) creates: u64,
    /// Messages taken.
    pub(super) accepted: u64,
    /// Requests refused by the carrier's own rules (scripted faults are not in here).
    pub(super) refused: u64,
    pub(super) lists: u64,
    pub(super) fetches: u64,
    pub(super) updates: u64,
    pub(super) deletes: u64,
    pub(super) unauthorized: u64,
    pub(super) callbacks: Calls,
    pub(super) inbound: Inbound,
    /// By the `To` of the request.
    pub(super) recipients: HashMap<String, Recipient>,
}

/// Webhook calls.
#[derive(Debug, Default, Serialize)]
pub(super) struct Calls {
    /// Answered with 2xx.
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Swallowed by a scripted fault.
    pub(super) dropped: u64,
}

/// Inbound messages and their webhook calls.
#[derive(Debug, Default, Serialize)]
pub(super) struct Inbound {
    pub(super) received: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

/// Requests for one recipient.
#[derive(Debug, Default, Serialize)]
pub(super) struct Recipient {
    pub(super) requests: u64,
    pub(super) accepted: u64,
}

impl Calls {
    pub(super) fn count(&mut self, succeeded: bool) {
        *(if succeeded { &mut self.succeeded } else { &mut self.failed }) += 1;
    }
}

impl Inbound {
    pub(super) fn count(&mut self, succeeded: bool) {
        *(if succeeded { &mut self.succeeded } else { &mut self.failed }) += 1;
    }
}

impl Stats {
    pub(super) fn requested(&mut self, to: Option<&str>) {
        self.creates += 1;
        if let Some(recipient) = to.and_then(|to| self.recipient(to)) {
            recipient.requests += 1;
        }
    }

    pub(super) fn accepted(&mut self, to: &str) {
        self.accepted += 1;
        if let Some(recipient) = self.recipient(to) {
            recipient.accepted += 1;
        }
    }

    fn recipient(&mut self, to: &str) -> Option<&mut Recipient> {
        if self.recipients.len() >= MOST_RECIPIENTS && !self.recipients.contains_key(to) {
            return None;
        }
        // A look before the entry saves a copy of the number in the usual case.
        if !self.recipients.contains_key(to) {
            self.recipients.insert(to.to_owned(), Recipient::default());
        }
        self.recipients.get_mut(to)
    }
}

//! The one clock. Everything that compares or stores time asks it, so that tests can move it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use tokio::sync::Notify;

/// Wall time plus an offset that only tests change. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
    moved: Arc<Notify>,
}

impl Clock {
    /// Now, cut to the microseconds that both databases keep.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the ban points to")]
    pub fn now(&self) -> DateTime<Utc> {
        let offset = Duration::microseconds(self.offset_micros.load(Ordering::Relaxed));
        (Utc::now() + offset).trunc_subsecs(6)
    }

    /// Moves time forward and wakes whoever waits for a time.
    pub fn advance(&self, by: Duration) {
        self.offset_micros.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    /// Resolves when the clock was moved by hand.
    pub async fn moved(&self) {
        self.moved.notified().await;
    }
}

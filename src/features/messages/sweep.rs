//! The sweep: once a minute, in every process, finds what nobody announced: messages that hang without a planned question
//! to the carrier, receipts that missed their message, and rows whose time is over. Every step may run twice or in two
//! processes at once.

mod clean;
mod expired;
mod files;
mod hanging;
mod messages;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::receipts;
use crate::{
    base::{ctx::Hub, error::Result, purpose::Purpose},
    features::carrier_configs::prove,
};

/// Between two sweeps; shorter where messages are polled sooner.
const PACE: Duration = Duration::from_mins(1);
/// Between two cleanings.
const CLEANING: chrono::Duration = chrono::Duration::minutes(10);
/// What was last changed before this is left as it is.
const LOOK_BACK: chrono::Duration = chrono::Duration::days(3);
/// Rows may be committed this much later than they say.
const LATE_COMMIT: chrono::Duration = chrono::Duration::minutes(2);

/// Sweeps until stopped, wherever it is then: every step is a transaction. A failed sweep is logged and tried again at the next one.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    Purpose::Work.run(stop.run_until_cancelled(Box::pin(sweep_for_ever(hub)))).await;
}

async fn sweep_for_ever(hub: Arc<Hub>) {
    let mut sweeper = Sweeper::new(hub.clone());
    let pace = PACE.min(hub.config.delivery.poll_after);
    loop {
        if let Err(error) = sweeper.sweep().await {
            tracing::warn!(%error, "a sweep failed; the next one tries again");
        }
        prove::prove_pending(&hub).await;
        tokio::select! {
            () = hub.clock.moved() => {}
            () = tokio::time::sleep(pace) => {}
        }
    }
}

/// Remembers how far it looked, so that a sweep reads only what is new since the last one.
#[derive(Debug)]
pub struct Sweeper {
    hub: Arc<Hub>,
    looked_until: Option<DateTime<Utc>>,
    cleaned_at: Option<DateTime<Utc>>,
}

impl Sweeper {
    /// A sweeper that will look at everything once.
    pub const fn new(hub: Arc<Hub>) -> Self {
        Self { hub, looked_until: None, cleaned_at: None }
    }

    /// One sweep.
    pub async fn sweep(&mut self) -> Result<()> {
        let now = self.hub.clock.now();
        let quiet = chrono::Duration::from_std(self.hub.config.delivery.poll_after).unwrap_or(LOOK_BACK);
        let until = now - quiet;
        let since = self.looked_until.map_or(now - LOOK_BACK - quiet, |looked| looked - LATE_COMMIT);
        let planned = hanging::plan_polls(&self.hub, since..until).await?;
        self.looked_until = Some(until);
        let attached = receipts::attach_parked(&self.hub, now - LOOK_BACK).await?;
        if planned + attached > 0 {
            tracing::info!(planned, attached, "the sweep found messages and receipts that nobody announced");
        }
        if self.cleaned_at.is_none_or(|cleaned| now - cleaned >= CLEANING) {
            clean::forget(&self.hub).await?;
            expired::forget(&self.hub).await?;
            self.cleaned_at = Some(now);
        }
        Ok(())
    }
}

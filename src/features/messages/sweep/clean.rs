//! Rows whose time is over: events past their retention, idempotency keys that no client repeats any more, and what no
//! longer lets anybody in.

use std::sync::Arc;

use chrono::Duration;

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::Result,
        events, forget,
    },
    features::organizations::housekeeping,
};

/// How long a client may repeat a call under its idempotency key.
const IDEMPOTENCY_KEYS: Duration = Duration::hours(48);
const OLD_KEYS: &str = "DELETE FROM idempotency_keys WHERE (organization_id, mutation, key) IN \
     (SELECT organization_id, mutation, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2)";

/// Removes them, batch by batch so that other writers need not wait for all.
pub(super) async fn forget(hub: &Arc<Hub>) -> Result<()> {
    let now = hub.clock.now();
    let keep = Duration::from_std(hub.config.event_retention).unwrap_or(Duration::days(3650));
    let events = events::forget_before(hub, now - keep).await?;
    let keys = forget::forget_before(hub, OLD_KEYS, now - IDEMPOTENCY_KEYS).await?;
    let ended = housekeeping::forget_ended(&Ctx::administrator(hub.clone())).await?;
    tracing::debug!(events, keys, ended, "rows past their time were removed");
    Ok(())
}

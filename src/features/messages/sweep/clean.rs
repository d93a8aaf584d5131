//! Rows whose time is over, whosever they are: idempotency keys that no client repeats any more, receipts of messages that
//! nobody knows, and what no longer lets anybody in. What organisations choose to keep is `expired`'s affair.

use std::sync::Arc;

use chrono::Duration;

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::Result,
        forget,
    },
    features::organizations::housekeeping,
};

/// How long a client may repeat a call under its idempotency key.
const IDEMPOTENCY_KEYS: Duration = Duration::hours(48);
const OLD_KEYS: &str = "DELETE FROM idempotency_keys WHERE (organization_id, mutation, key) IN \
     (SELECT organization_id, mutation, key FROM idempotency_keys WHERE created_at < $1 LIMIT $2)";

/// How long a receipt waits for its message.
const PARKED: Duration = Duration::days(30);
const OLD_PARKED: &str = "DELETE FROM receipts WHERE id IN \
     (SELECT id FROM receipts WHERE message_id IS NULL AND created_at < $1 LIMIT $2)";

/// Removes them, batch by batch so that other writers need not wait for all.
pub(super) async fn forget(hub: &Arc<Hub>) -> Result<()> {
    let now = hub.clock.now();
    let parked = forget::forget_before(hub, OLD_PARKED, now - PARKED).await?;
    let keys = forget::forget_before(hub, OLD_KEYS, now - IDEMPOTENCY_KEYS).await?;
    let ended = housekeeping::forget_ended(&Ctx::administrator(hub.clone())).await?;
    tracing::debug!(parked, keys, ended, "rows past their time were removed");
    Ok(())
}

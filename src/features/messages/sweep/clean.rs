//! Rows whose time is over: events past their retention, idempotency keys that no client repeats any more, and what no
//! longer lets anybody in.

use std::sync::Arc;

use chrono::Duration;
use entity::idempotency_key;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::Result,
        events,
        tx::Tx,
    },
    features::organizations::housekeeping,
};

/// How long a client may repeat a call under its idempotency key.
const IDEMPOTENCY_KEYS: Duration = Duration::hours(48);

/// Removes them, each kind in a transaction of its own so that other writers need not wait for all.
pub(super) async fn forget(hub: &Arc<Hub>) -> Result<()> {
    let now = hub.clock.now();
    let keep = Duration::from_std(hub.config.event_retention).unwrap_or(Duration::days(3650));

    let tx = Tx::begin(hub).await?;
    let events = events::forget_before(&*tx, now, keep).await?;
    tx.commit().await?;

    let tx = Tx::begin(hub).await?;
    let old = idempotency_key::Column::CreatedAt.lt(now - IDEMPOTENCY_KEYS);
    let keys = idempotency_key::Entity::delete_many().filter(old).exec(&*tx).await?.rows_affected;
    tx.commit().await?;

    let ended = housekeeping::forget_ended(&Ctx::administrator(hub.clone())).await?;
    tracing::debug!(events, keys, ended, "rows past their time were removed");
    Ok(())
}

//! Rows whose time is over, whosever they are: idempotency keys that no client repeats any more, receipts of messages that
//! nobody knows, and what no longer lets anybody in. What organisations choose to keep is `expired`'s affair.

use std::sync::Arc;

use chrono::Duration;
use entity::{idempotency_key, receipt};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::Result,
        tx::Tx,
    },
    features::organizations::housekeeping,
};

/// How long a client may repeat a call under its idempotency key.
const IDEMPOTENCY_KEYS: Duration = Duration::hours(48);

/// How long a receipt waits for its message.
const PARKED: Duration = Duration::days(30);

/// Removes them, each kind in a transaction of its own so that other writers need not wait for all.
pub(super) async fn forget(hub: &Arc<Hub>) -> Result<()> {
    let now = hub.clock.now();
    let tx = Tx::begin(hub).await?;
    let parked = receipt::Column::MessageId.is_null().and(receipt::Column::CreatedAt.lt(now - PARKED));
    let parked = receipt::Entity::delete_many().filter(parked).exec(&*tx).await?.rows_affected;
    tx.commit().await?;

    let tx = Tx::begin(hub).await?;
    let old = idempotency_key::Column::CreatedAt.lt(now - IDEMPOTENCY_KEYS);
    let keys = idempotency_key::Entity::delete_many().filter(old).exec(&*tx).await?.rows_affected;
    tx.commit().await?;

    let ended = housekeeping::forget_ended(&Ctx::administrator(hub.clone())).await?;
    tracing::debug!(parked, keys, ended, "rows past their time were removed");
    Ok(())
}

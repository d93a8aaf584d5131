//! Removing what is past its time, in batches: each is a transaction of its own, so that other writers wait for one
//! batch at most, whatever has piled up. What is past its time is the feature's matter.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{ctx::Hub, error::Result, tx::Tx};

/// Rows of one batch.
pub const BATCH: u64 = 1_000;

/// Runs a statement that deletes at most `$2` rows of before `$1` until it finds no more. Gives how many there were.
pub async fn forget_before(hub: &Arc<Hub>, delete: &str, before: DateTime<Utc>) -> Result<u64> {
    let mut gone = 0;
    loop {
        let tx = Tx::begin(hub).await?;
        let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let statement = hub.db.sql(delete, [before.into(), most.into()]);
        let batch = tx.execute_raw(statement).await?.rows_affected();
        tx.commit().await?;
        gone += batch;
        if batch < BATCH {
            return Ok(gone);
        }
    }
}

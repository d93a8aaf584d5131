//! Pacing per sender, shared by all instances: each message takes the sender's next free slot.

use chrono::{DateTime, Utc};
use entity::carrier_config;
use sea_orm::ConnectionTrait;

use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
};

/// The time at which this message may go; `None`: at once. Takes the slot.
pub async fn turn(ctx: &Ctx, config: &carrier_config::Model, sender: &str) -> Result<Option<DateTime<Utc>>> {
    if config.messages_per_second <= 0 {
        return Ok(None);
    }
    let now = ctx.now().timestamp_millis();
    let gap = i64::from((1000 / config.messages_per_second).max(1));
    let key = format!("{}/{sender}", config.account);
    let tx = ctx.begin().await?;
    let statement = ctx.hub.db.sql(
        "INSERT INTO sender_slots (sender_key, next_at) VALUES ($1, $2) ON CONFLICT (sender_key) DO UPDATE SET \
         next_at = CASE WHEN sender_slots.next_at + $3 > excluded.next_at THEN sender_slots.next_at + $3 \
         ELSE excluded.next_at END RETURNING next_at",
        [key.into(), now.into(), gap.into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("no slot was returned"))?;
    let slot: i64 = row.try_get_by_index(0)?;
    tx.commit().await?;
    Ok((slot > now).then(|| DateTime::from_timestamp_millis(slot)).flatten())
}

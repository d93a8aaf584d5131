//! Files of messages that are kept no longer than their organisation wishes. The carrier's copies are its own affair, but for
//! `redactMessage`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    ids::{MessageId, OrganizationId},
    media, message,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};

use super::messages::is_over;
use crate::base::{ctx::Hub, error::Result, tx::Tx};

/// Messages of one transaction.
pub(super) const BATCH: u64 = 200;

/// Removes the files of some messages; gives how many messages that were.
pub(super) async fn forget_batch(hub: &Arc<Hub>, of: OrganizationId, before: DateTime<Utc>) -> Result<u64> {
    use message::Column as C;
    let tx = Tx::begin(hub).await?;
    let ids: Vec<MessageId> = message::Entity::find()
        .select_only()
        .column(C::Id)
        .filter(C::OrganizationId.eq(of))
        .filter(C::CreatedAt.lt(before))
        // A literal, not a parameter: only so SQLite knows that the partial index `messages_media` fits.
        .filter(Expr::cust("media_count > 0"))
        .filter(is_over(hub.clock.now()))
        .order_by_asc(C::CreatedAt)
        .order_by_asc(C::Id)
        .limit(BATCH)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(&*tx)
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let theirs = media::Column::MessageId.is_in(ids.iter().copied());
    media::Entity::delete_many().filter(theirs).exec(&*tx).await?;
    let emptied = message::Entity::update_many()
        .col_expr(C::MediaCount, 0.into())
        .filter(C::Id.is_in(ids))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(emptied.rows_affected)
}

//! Messages that are kept no longer, and threads without any. A message leaves a tombstone, so that the carrier's second
//! delivery of it stays a duplicate, and a list of the carrier's cannot lend its id to another.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use entity::{
    attempt, conversation,
    enums::MessageStatus,
    ids::{ConversationId, MessageId, OrganizationId},
    media, message, receipt, timeline_entry, tombstone,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};

use crate::base::{ctx::Hub, error::Result, tx::Tx};

/// Rows of one transaction.
pub(super) const BATCH: u64 = 200;
/// Many carriers never say more than SENT; after this nothing more is expected.
const SILENCE: Duration = Duration::days(7);
/// A redacted message stays until its copy at the carrier is erased too, or nobody tries any more.
const REDACTION: Duration = Duration::days(8);
const FINAL: [MessageStatus; 5] = [
    MessageStatus::Canceled,
    MessageStatus::Failed,
    MessageStatus::Undelivered,
    MessageStatus::Delivered,
    MessageStatus::Received,
];

/// Nothing more can come of them: an open one could be sent, or asked for, once more.
pub(super) fn is_over(now: DateTime<Utc>) -> Condition {
    use message::Column as C;
    let silent = C::Status.eq(MessageStatus::Sent).and(C::UpdatedAt.lt(now - SILENCE));
    Condition::any().add(C::Status.is_in(FINAL)).add(silent)
}

/// Removes some messages with what depends on them; gives how many.
pub(super) async fn forget_batch(
    hub: &Arc<Hub>,
    organization: OrganizationId,
    before: DateTime<Utc>,
) -> Result<u64> {
    use message::Column as C;
    let now = hub.clock.now();
    let being_redacted = C::RedactedAt
        .is_not_null()
        .and(C::CarrierRedactedAt.is_null())
        .and(C::CarrierMessageId.is_not_null())
        .and(C::UpdatedAt.gt(now - REDACTION));
    let tx = Tx::begin(hub).await?;
    let rows = message::Entity::find()
        .filter(C::OrganizationId.eq(organization))
        .filter(C::CreatedAt.lt(before))
        .filter(is_over(now))
        .filter(being_redacted.not())
        .order_by_asc(C::CreatedAt)
        .order_by_asc(C::Id)
        .limit(BATCH)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(&*tx)
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    bury(&tx, &rows, now).await?;
    media::Entity::delete_many().filter(media::Column::MessageId.is_in(of(&rows))).exec(&*tx).await?;
    timeline_entry::Entity::delete_many()
        .filter(timeline_entry::Column::MessageId.is_in(of(&rows)))
        .exec(&*tx)
        .await?;
    receipt::Entity::delete_many().filter(receipt::Column::MessageId.is_in(of(&rows))).exec(&*tx).await?;
    attempt::Entity::delete_many().filter(attempt::Column::MessageId.is_in(of(&rows))).exec(&*tx).await?;
    let gone = message::Entity::delete_many().filter(C::Id.is_in(of(&rows))).exec(&*tx).await?.rows_affected;
    tx.commit().await?;
    Ok(gone)
}

fn of(rows: &[message::Model]) -> impl Iterator<Item = MessageId> {
    rows.iter().map(|row| row.id)
}

/// Marks for the messages' own ids at the carrier, and for those of second copies, which stand in their attempts.
async fn bury(tx: &Tx, rows: &[message::Model], now: DateTime<Utc>) -> Result<()> {
    let copies = attempt::Entity::find()
        .filter(attempt::Column::MessageId.is_in(of(rows)))
        .filter(attempt::Column::CarrierMessageId.is_not_null())
        .all(&**tx)
        .await?;
    let account_of = |id| rows.iter().find(|row| row.id == id).map(|row| row.account.clone());
    let of_copies =
        copies.into_iter().filter_map(|copy| account_of(copy.message_id).zip(copy.carrier_message_id));
    let own = rows.iter().filter_map(|row| Some((row.account.clone(), row.carrier_message_id.clone()?)));
    let marks: Vec<_> = own
        .chain(of_copies)
        .map(|(account, carrier_message_id)| tombstone::ActiveModel {
            account: Set(account),
            carrier_message_id: Set(carrier_message_id),
            created_at: Set(now),
        })
        .collect();
    if marks.is_empty() {
        return Ok(());
    }
    let known = OnConflict::new().do_nothing().to_owned();
    tombstone::Entity::insert_many(marks).on_conflict(known).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Removes some threads that have no message left; gives how many.
pub(super) async fn forget_threads(hub: &Arc<Hub>, of: OrganizationId, before: DateTime<Utc>) -> Result<u64> {
    use conversation::Column as C;
    let theirs = || {
        Query::select()
            .expr(Expr::val(1))
            .from(message::Entity)
            .and_where(
                Expr::col((message::Entity, message::Column::ConversationId))
                    .eq(Expr::col((conversation::Entity, C::Id))),
            )
            .to_owned()
    };
    let empty = || {
        Condition::all()
            .add(C::OrganizationId.eq(of))
            .add(C::LastMessageAt.lt(before))
            .add(Expr::exists(theirs()).not())
    };
    let ids: Vec<ConversationId> = conversation::Entity::find()
        .select_only()
        .column(C::Id)
        .filter(empty())
        .order_by_asc(C::LastMessageAt)
        .limit(BATCH)
        .into_tuple()
        .all(hub.db.read())
        .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let tx = Tx::begin(hub).await?;
    // Asked once more: a message may have come meanwhile.
    let unused = empty().add(C::Id.is_in(ids));
    let gone = conversation::Entity::delete_many().filter(unused).exec(&*tx).await?.rows_affected;
    tx.commit().await?;
    Ok(gone)
}

//! The one way a message changes after it was accepted: its status only rises in rank, late facts are added.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    enums::{Direction, MessageStatus},
    ids::MessageId,
    message,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, Iterable, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};

use super::snapshot;
use crate::base::{
    ctx::Ctx,
    error::{Error, Result},
    tx::Tx,
};
use crate::carriers::messaging::RemoteStatus;

/// What became known of a message. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Takes effect only when it ranks higher than the present one.
    pub status: Option<MessageStatus>,
    /// The carrier's own word; goes with the status.
    pub carrier_status: Option<String>,
    /// The carrier's id; set once.
    pub carrier_message_id: Option<String>,
    /// The carrier's error code and words; goes with the status.
    pub error: Option<(Option<i32>, String)>,
    /// Millionths and currency.
    pub price: Option<(i64, String)>,
    /// The carrier's count of segments.
    pub segments: Option<i32>,
    /// One more try to hand it over.
    pub attempt: bool,
    /// The status is a person's guess about an UNKNOWN message: it ranks no higher than that, so that any later evidence
    /// overrides it.
    pub guessed: bool,
    /// What the carrier told so far was about another message: its word, id, price and times are taken back, and the
    /// message is SENDING again before the rest applies. The one way in which a status falls.
    pub mistaken: bool,
}

/// Our status for the carrier's word; `None` for words that say nothing about an outbound message.
pub fn of_remote(status: &RemoteStatus) -> Option<MessageStatus> {
    match status {
        RemoteStatus::Accepted | RemoteStatus::Scheduled | RemoteStatus::Queued | RemoteStatus::Sending => {
            Some(MessageStatus::Sending)
        }
        RemoteStatus::Sent | RemoteStatus::PartiallyDelivered => Some(MessageStatus::Sent),
        RemoteStatus::Delivered | RemoteStatus::Read => Some(MessageStatus::Delivered),
        RemoteStatus::Undelivered => Some(MessageStatus::Undelivered),
        RemoteStatus::Failed => Some(MessageStatus::Failed),
        RemoteStatus::Canceled => Some(MessageStatus::Canceled),
        RemoteStatus::Receiving | RemoteStatus::Received | RemoteStatus::Unknown(_) => None,
    }
}

/// The row, locked until the transaction ends.
pub async fn locked(tx: &Tx, id: MessageId) -> Result<Option<message::Model>> {
    Ok(message::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?)
}

/// The same for several, locked in the order of their ids, so that two groups cannot wait for each other.
pub async fn locked_all(
    tx: &Tx,
    ids: impl IntoIterator<Item = MessageId>,
) -> Result<HashMap<MessageId, message::Model>> {
    let query = message::Entity::find()
        .filter(message::Column::Id.is_in(ids))
        .order_by_asc(message::Column::Id)
        .lock_exclusive();
    Ok(query.all(&**tx).await?.into_iter().map(|message| (message.id, message)).collect())
}

/// Applies a change to a locked row and tells subscribers; answers the row as it is now. Nothing happens when nothing
/// is new, so duplicates and reordered receipts converge.
pub async fn apply(ctx: &Ctx, tx: &Tx, message: message::Model, change: Change) -> Result<message::Model> {
    let mut changed = apply_all(ctx, tx, vec![(message, change)]).await?;
    changed.pop().ok_or_else(|| Error::internal("one change makes one row"))
}

/// The same for several messages, each one named once, in one statement.
pub async fn apply_all(
    ctx: &Ctx,
    tx: &Tx,
    changes: Vec<(message::Model, Change)>,
) -> Result<Vec<message::Model>> {
    let now = ctx.now();
    let (mut all, mut written) = (Vec::new(), Vec::new());
    for (before, change) in changes {
        let row = merge(before.clone(), change, now);
        if row != before {
            let kind = if row.status == before.status { snapshot::UPDATED } else { snapshot::STATUS_CHANGED };
            tx.emit(snapshot::of_message(kind, &row)?);
            written.push(row.clone().into_active_model().reset_all());
        }
        all.push(row);
    }
    if !written.is_empty() {
        let facts = message::Column::iter().filter(|column| !matches!(column, message::Column::Id));
        let replace = OnConflict::column(message::Column::Id).update_columns(facts).to_owned();
        message::Entity::insert_many(written).on_conflict(replace).exec_without_returning(&**tx).await?;
    }
    Ok(all)
}

/// The pure rule: what a row becomes by a change. Any order of the same changes ends in the same row, but for times.
fn merge(mut row: message::Model, change: Change, now: DateTime<Utc>) -> message::Model {
    let before = row.clone();
    if change.mistaken {
        take_back(&mut row);
    }
    let rises = change.status.is_some_and(|status| status.rank() > row.status_rank);
    if let (true, Some(status)) = (rises && row.direction == Direction::Outbound, change.status) {
        row.status = status;
        row.status_rank = if change.guessed { MessageStatus::Unknown.rank() } else { status.rank() };
        row.carrier_status = change.carrier_status.clone().or(row.carrier_status);
        (row.error_code, row.error_message) = match change.error {
            Some((code, text)) => (code, Some(text)),
            None => (None, None),
        };
        stamp(&mut row, status, now);
    } else if change.status == Some(row.status) {
        // The carrier's finer words within one of ours, such as accepted, queued, sending.
        row.carrier_status = later_word(row.carrier_status, change.carrier_status);
        (row.error_code, row.error_message) =
            fuller_error((row.error_code, row.error_message), change.error.clone());
    }
    row.carrier_message_id = row.carrier_message_id.or(change.carrier_message_id);
    if let Some((micros, currency)) = change.price {
        (row.price_micros, row.price_currency) = (Some(micros), Some(currency));
    }
    row.segments = change.segments.filter(|count| *count > 0).unwrap_or(row.segments);
    row.attempts += i32::from(change.attempt);
    if row != before {
        row.updated_at = now;
    }
    row
}

fn take_back(row: &mut message::Model) {
    (row.status, row.status_rank) = (MessageStatus::Sending, MessageStatus::Sending.rank());
    (row.carrier_status, row.carrier_message_id) = (None, None);
    (row.error_code, row.error_message) = (None, None);
    (row.price_micros, row.price_currency) = (None, None);
    (row.sent_at, row.delivered_at, row.failed_at) = (None, None, None);
}

/// The carrier's words in their order; several mean the same of ours.
const WORDS: [&str; 8] =
    ["accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "delivered", "read"];

fn later_word(known: Option<String>, new: Option<String>) -> Option<String> {
    let place =
        |word: &Option<String>| WORDS.iter().position(|w| Some(*w) == word.as_deref()).unwrap_or(WORDS.len());
    match (&known, &new) {
        (_, None) => known,
        (None, _) => new,
        _ if place(&new) > place(&known) && place(&new) < WORDS.len() => new,
        _ => known,
    }
}

/// What is known of a failure, whichever receipt told first: one with a code, and the lowest where carriers contradict
/// themselves.
fn fuller_error(
    known: (Option<i32>, Option<String>),
    new: Option<(Option<i32>, String)>,
) -> (Option<i32>, Option<String>) {
    match (known.0, new) {
        (None, Some((code, text))) if code.is_some() || known.1.is_none() => (code, Some(text)),
        (Some(old), Some((Some(code), text))) if code < old => (Some(code), Some(text)),
        _ => known,
    }
}

fn stamp(row: &mut message::Model, status: MessageStatus, now: DateTime<Utc>) {
    match status {
        MessageStatus::Sent => {
            row.sent_at = row.sent_at.or(Some(now));
            row.failed_at = None;
        }
        MessageStatus::Delivered => {
            row.sent_at = row.sent_at.or(Some(now));
            row.delivered_at = Some(now);
            row.failed_at = None;
        }
        MessageStatus::Failed | MessageStatus::Undelivered => row.failed_at = Some(now),
        _ => {}
    }
}

#[cfg(test)]
mod tests;

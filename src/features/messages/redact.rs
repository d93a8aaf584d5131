//! `redactMessage`: the text and the files of a message go, here, in the events that are replayed, in what repeated calls
//! are compared with, and at the carrier. That it was sent, when and what became of it stays.

pub mod carrier;

use entity::{
    Tenanted, attempt,
    enums::{Direction, MessageStatus},
    ids::MessageId,
    media, message, receipt, timeline_entry,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use super::{snapshot, status};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    events, idempotency,
    tx::Tx,
};

/// Redacts a message; one that is redacted already stays as it is. `CONFLICT` while it is on its way to the carrier, which
/// still needs the text.
pub async fn redact(ctx: &Ctx, id: MessageId) -> Result<message::Model> {
    let organization = ctx.require(Permission::DataManage)?;
    let known =
        message::Entity::in_org(organization).filter(message::Column::Id.eq(id)).one(ctx.db()).await?;
    known.ok_or_else(|| Error::not_found().at(&["messageId"]))?;
    let tx = ctx.begin().await?;
    let message = status::locked(&tx, id).await?.ok_or_else(Error::not_found)?;
    if message.redacted_at.is_some() {
        return Ok(message);
    }
    if is_needed(&message) {
        let text = "The message is on its way to the carrier. Cancel it, or wait until the carrier has it.";
        return Err(Error::new(ErrorCode::Conflict, text).at(&["messageId"]));
    }
    let message = blank(ctx, &tx, message, Extent::Content).await?;
    audit::record(ctx, &*tx, "redactMessage", Some(id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(message)
}

/// Whether the text may still have to be handed over, or compared with what the carrier has.
pub fn is_needed(message: &message::Model) -> bool {
    match message.status {
        MessageStatus::Scheduled | MessageStatus::Queued => true,
        MessageStatus::Sending => message.carrier_message_id.is_none(),
        _ => false,
    }
}

/// How much of a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// Text and files.
    Content,
    /// Also the person's number, for which this stands from now on, and every text that may quote it.
    Person(&'a str),
}

/// Takes it away in the transaction that locked the row, tells subscribers, and plans the same at the carrier.
pub async fn blank(
    ctx: &Ctx,
    tx: &Tx,
    message: message::Model,
    extent: Extent<'_>,
) -> Result<message::Model> {
    let now = ctx.now();
    let mut row = message.clone();
    (row.body, row.media_count) = (String::new(), 0);
    (row.redacted_at, row.updated_at) = (row.redacted_at.or(Some(now)), now);
    if let Extent::Person(stand_in) = extent {
        *the_person(&mut row) = stand_in.to_owned();
        row.error_message = None;
        forget_words(tx, message.id).await?;
        // The carrier's copy names the number: redacted before or not, it goes as a whole.
        row.carrier_redacted_at = None;
    }
    if message.carrier_message_id.is_none() && message.attempts == 0 && message.status != MessageStatus::Sent
    {
        row.carrier_redacted_at = Some(now);
    }
    let row = row.into_active_model().reset_all().update(&**tx).await?;
    media::Entity::delete_many().filter(media::Column::MessageId.eq(message.id)).exec(&**tx).await?;
    let subject = message.id.to_string();
    idempotency::erase_input(&**tx, message.organization_id, &subject, message.created_at).await?;
    events::rewrite(&**tx, message.organization_id, &subject, |data| rewrite(data, &row, extent)).await?;
    carrier::plan(ctx, tx, &row, extent).await?;
    tx.emit(snapshot::of_message(snapshot::UPDATED, &row)?);
    Ok(row)
}

fn the_person(row: &mut message::Model) -> &mut String {
    match row.direction {
        Direction::Inbound => &mut row.sender,
        Direction::Outbound => &mut row.recipient,
    }
}

/// What a replayed event says from now on.
fn rewrite(data: &mut Value, now: &message::Model, extent: Extent<'_>) {
    let Some(told) = data.get_mut("message") else { return };
    told["body"] = json!("");
    told["media_count"] = json!(0);
    told["redacted_at"] = json!(now.redacted_at);
    if extent != Extent::Content {
        (told["sender"], told["recipient"]) = (json!(now.sender), json!(now.recipient));
        told["error_message"] = Value::Null;
    }
}

/// Carriers quote numbers in errors and receipts, and say where an inbound message came from.
async fn forget_words(tx: &Tx, id: MessageId) -> Result<()> {
    attempt::Entity::update_many()
        .col_expr(attempt::Column::ErrorMessage, Expr::value(None::<String>))
        .filter(attempt::Column::MessageId.eq(id))
        .exec(&**tx)
        .await?;
    timeline_entry::Entity::update_many()
        .col_expr(timeline_entry::Column::Detail, Expr::value(json!({})))
        .filter(timeline_entry::Column::MessageId.eq(id))
        .exec(&**tx)
        .await?;
    receipt::Entity::update_many()
        .col_expr(receipt::Column::Raw, Expr::value(json!({})))
        .filter(receipt::Column::MessageId.eq(id))
        .exec(&**tx)
        .await?;
    Ok(())
}

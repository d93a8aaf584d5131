//! `cancelMessage`: withdraws a message that the carrier does not have: not handed over yet, or refused and waiting for
//! another try. The worker and this mutation meet at the row's lock.

use entity::{
    Tenanted,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::MessageId,
    message,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use super::{
    attempt, deliver,
    status::{self, Change},
    timeline,
};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// Cancels; NOT_CANCELABLE once an attempt exists that the carrier did not refuse. Cancelling twice answers the canceled message.
pub async fn cancel(ctx: &Ctx, id: MessageId) -> Result<message::Model> {
    let organization = ctx.require(Permission::MessagesSend)?;
    let known =
        message::Entity::in_org(organization).filter(message::Column::Id.eq(id)).one(ctx.db()).await?;
    known.ok_or_else(|| Error::not_found().at(&["messageId"]))?;
    let tx = ctx.begin().await?;
    let message = status::locked(&tx, id).await?.ok_or_else(Error::not_found)?;
    match message.status {
        MessageStatus::Canceled => return Ok(message),
        MessageStatus::Scheduled | MessageStatus::Queued => {}
        MessageStatus::Sending if is_refused(&tx, &message).await? => {}
        _ => {
            let text = "The message was handed to the carrier already.";
            return Err(Error::new(ErrorCode::NotCancelable, text).at(&["messageId"]));
        }
    }
    timeline::add(&tx, &message, ctx.now(), [(TimelineKind::Canceled, json!({}))]).await?;
    let change = Change { status: Some(MessageStatus::Canceled), ..Change::default() };
    let message = status::apply(ctx, &tx, message, change).await?;
    deliver::withdraw(&tx, id).await?;
    audit::record(ctx, &*tx, "cancelMessage", Some(id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(message)
}

/// Whether the carrier refused the last try for certain, so that the next one is only planned. It stays so while the
/// message is locked: whoever begins an attempt needs that lock.
async fn is_refused(tx: &Tx, message: &message::Model) -> Result<bool> {
    let last = attempt::last(&**tx, message.id).await?;
    let is_refused = last.is_some_and(|attempt| attempt.state == AttemptState::Refused);
    Ok(is_refused && message.carrier_message_id.is_none() && deliver::is_planned(tx, message.id).await?)
}

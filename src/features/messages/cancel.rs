//! `cancelMessage`: withdraws a message that was not handed over yet; the worker and this mutation meet at the row's lock.

use entity::{
    Tenanted,
    enums::{MessageStatus, TimelineKind},
    ids::MessageId,
    message,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use super::{
    deliver,
    status::{self, Change},
    timeline,
};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
};

/// Cancels; NOT_CANCELABLE once an attempt exists. Cancelling twice answers the canceled message.
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

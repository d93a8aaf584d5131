//! `resolveMessage`: a person decides about a message of which nobody knows whether it was sent. Later evidence from the
//! carrier still overrides the decision.

use entity::{
    Tenanted,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::MessageId,
    message,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use super::{
    attempt::{self, Settled},
    deliver, reconcile,
    status::{self, Change},
    timeline,
};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
};

/// What the person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
pub enum Resolution {
    /// It was sent.
    Sent,
    /// It was not sent, and will not be.
    Failed,
    /// Hand it over once more, at the risk of a second copy.
    Resend,
}

/// Decides about an UNKNOWN message; CONFLICT in any other status.
pub async fn resolve(ctx: &Ctx, id: MessageId, resolution: Resolution) -> Result<message::Model> {
    let organization = ctx.require(Permission::MessagesSend)?;
    let known =
        message::Entity::in_org(organization).filter(message::Column::Id.eq(id)).one(ctx.db()).await?;
    known.ok_or_else(|| Error::not_found().at(&["messageId"]))?;
    let tx = ctx.begin().await?;
    let message = status::locked(&tx, id).await?.ok_or_else(Error::not_found)?;
    if message.status != MessageStatus::Unknown {
        let text = "Only a message whose status is UNKNOWN can be resolved.";
        return Err(Error::new(ErrorCode::Conflict, text).at(&["messageId"]));
    }
    if resolution == Resolution::Resend && message.carrier_message_id.is_some() {
        let text = "The carrier has the message; sending it again would make a second copy.";
        return Err(Error::new(ErrorCode::Conflict, text).at(&["resolution"]));
    }
    if resolution == Resolution::Resend && message.redacted_at.is_some() {
        let text = "The text was erased; there is nothing to send again.";
        return Err(Error::new(ErrorCode::Conflict, text).at(&["resolution"]));
    }
    let detail =
        json!({ "resolution": format!("{resolution:?}").to_uppercase(), "by": ctx.caller.user_id() });
    timeline::add(&tx, &message, ctx.now(), [(TimelineKind::Resolved, detail.clone())]).await?;
    if resolution == Resolution::Resend {
        if let Some(open) =
            attempt::last(&*tx, id).await?.filter(|attempt| attempt.state == AttemptState::InDoubt)
        {
            let why = Settled::Because(None, "a person decided to send again".to_owned());
            attempt::settle(ctx, &tx, open, AttemptState::Abandoned, why).await?;
        }
        reconcile::resend(ctx, &tx, &message).await?;
    } else {
        deliver::withdraw(&tx, id).await?;
    }
    let message = status::apply(ctx, &tx, message, change(resolution)).await?;
    audit::record(ctx, &*tx, "resolveMessage", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(message)
}

fn change(resolution: Resolution) -> Change {
    let status = match resolution {
        Resolution::Sent => Some(MessageStatus::Sent),
        Resolution::Failed => Some(MessageStatus::Failed),
        Resolution::Resend => None,
    };
    let error = (resolution == Resolution::Failed)
        .then(|| (None, "A person decided that it was not sent.".to_owned()));
    Change { status, error, guessed: true, ..Change::default() }
}

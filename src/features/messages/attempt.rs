//! Attempts: a row commits before the carrier is called, so that a crash leaves a trace; what is known of it only grows.

use entity::{
    attempt,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::{AttemptId, CarrierConfigId, MessageId},
    message,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    Set,
};
use serde_json::{Value, json};

use super::{
    poll, receipts,
    redact::{self, Extent},
    status::{self, Change},
    timeline,
};
use crate::{
    base::{ctx::Ctx, error::Result, tx::Tx},
    carriers::messaging::RemoteStatus,
};

/// Proof that the carrier has the message: its own answer, a callback, or its list.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The carrier's id.
    pub carrier_message_id: String,
    /// The carrier's word.
    pub status: RemoteStatus,
    /// With a failure.
    pub error: Option<(Option<i32>, String)>,
    /// The carrier's count.
    pub segments: Option<u32>,
    /// CARRIER_ACCEPTED for the answer itself, EVIDENCE_FOUND otherwise.
    pub kind: TimelineKind,
    /// Where it came from, for the timeline.
    pub source: &'static str,
}

/// The newest attempt of a message.
pub async fn last(db: &impl ConnectionTrait, message: MessageId) -> Result<Option<attempt::Model>> {
    let query = attempt::Entity::find().filter(attempt::Column::MessageId.eq(message));
    Ok(query.order_by_desc(attempt::Column::Ordinal).one(db).await?)
}

/// The attempt as it is now, if it is in this state; it stays so until the transaction ends, since whoever changes one holds
/// its message's lock.
pub async fn under_lock(
    tx: &Tx,
    attempt: &attempt::Model,
    state: AttemptState,
) -> Result<Option<attempt::Model>> {
    if status::locked(tx, attempt.message_id).await?.is_none() {
        return Ok(None);
    }
    let now = attempt::Entity::find_by_id(attempt.id).one(&**tx).await?;
    Ok(now.filter(|attempt| attempt.state == state))
}

/// Records that the carrier is about to be called; the unique ordinal lets only one worker do so.
pub async fn start(
    ctx: &Ctx,
    tx: &Tx,
    message: &message::Model,
    (config, fence): (CarrierConfigId, i64),
) -> Result<attempt::Model> {
    let row = attempt::ActiveModel {
        id: Set(AttemptId::new()),
        organization_id: Set(message.organization_id),
        message_id: Set(message.id),
        carrier_config_id: Set(config),
        ordinal: Set(message.attempts + 1),
        state: Set(AttemptState::Started),
        fence: Set(fence),
        carrier_message_id: Set(None),
        error_code: Set(None),
        error_message: Set(None),
        clean_lists: Set(0),
        started_at: Set(ctx.now()),
        ended_at: Set(None),
    };
    let attempt = row.insert(&**tx).await?;
    let detail = json!({ "attempt": attempt.id, "ordinal": attempt.ordinal });
    timeline::add(tx, message, ctx.now(), [(TimelineKind::Attempted, detail)]).await?;
    Ok(attempt)
}

/// The carrier has it: attempt and message learn the id, parked receipts are claimed, a poll is planned in case no
/// receipt comes. Safe to call twice and from any source; true evidence needs no fence.
pub async fn accepted(
    ctx: &Ctx,
    tx: &Tx,
    attempt: attempt::Model,
    evidence: Evidence,
) -> Result<Option<message::Model>> {
    let Some(message) = status::locked(tx, attempt.message_id).await? else { return Ok(None) };
    let sid = evidence.carrier_message_id.clone();
    let known = attempt.state == AttemptState::Accepted;
    if !known {
        settle(ctx, tx, attempt.clone(), AttemptState::Accepted, Settled::With(sid.clone())).await?;
        timeline::add(tx, &message, ctx.now(), [(evidence.kind, told(&attempt, &evidence))]).await?;
    }
    if message.carrier_message_id.as_ref().is_some_and(|first| *first != sid) {
        // A second copy of a message that was sent again by policy: told above, and the first one counts.
        return Ok(Some(message));
    }
    let change = Change {
        status: status::of_remote(&evidence.status),
        carrier_status: Some(evidence.status.as_str().to_owned()),
        carrier_message_id: Some(sid),
        error: evidence.error,
        segments: evidence.segments.and_then(|count| i32::try_from(count).ok()),
        ..Change::default()
    };
    let message = status::apply(ctx, tx, message, change).await?;
    let message = if known { message } else { receipts::claim_parked(ctx, tx, message).await? };
    if message.redacted_at.is_some() {
        redact::carrier::plan(ctx, tx, &message, Extent::Content).await?;
    }
    poll::plan(ctx, tx, &message).await?;
    Ok(Some(message))
}

fn told(attempt: &attempt::Model, evidence: &Evidence) -> Value {
    json!({
        "attempt": attempt.id,
        "carrierMessageId": evidence.carrier_message_id,
        "carrierStatus": evidence.status.as_str(),
        "source": evidence.source,
    })
}

/// What is written beside the new state.
#[derive(Clone, Debug)]
pub enum Settled {
    /// The carrier's id.
    With(String),
    /// The carrier's refusal, or why it is in doubt.
    Because(Option<i32>, String),
}

/// Writes what became known of an attempt.
pub async fn settle(
    ctx: &Ctx,
    tx: &Tx,
    attempt: attempt::Model,
    state: AttemptState,
    settled: Settled,
) -> Result<attempt::Model> {
    let mut row = attempt.into_active_model();
    row.state = Set(state);
    row.ended_at = Set(Some(ctx.now()));
    match settled {
        Settled::With(id) => row.carrier_message_id = Set(Some(id)),
        Settled::Because(code, text) => {
            row.error_code = Set(code);
            row.error_message = Set(Some(text));
        }
    }
    Ok(row.update(&**tx).await?)
}

/// Whether a message may (still) be handed over.
pub const fn is_open(status: MessageStatus) -> bool {
    matches!(status, MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending)
}

//! Attempts: a row commits before the carrier is called, so that a crash leaves a trace; what is known of it only grows.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    attempt,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::{AttemptId, CarrierConfigId, MessageId},
    message,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};
use serde_json::{Value, json};

use super::{
    poll, receipts,
    redact::{self, Extent},
    status::{self, Change},
    timeline,
};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        tx::Tx,
    },
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

/// An attempt that is about to be made.
#[derive(Debug)]
pub struct Start<'a> {
    /// Of which message.
    pub message: &'a message::Model,
    /// Through which config.
    pub config: CarrierConfigId,
    /// The lease's token.
    pub fence: i64,
}

/// Records that the carrier is about to be called; the unique ordinal lets only one worker do so.
pub async fn start_all(ctx: &Ctx, tx: &Tx, starts: &[Start<'_>]) -> Result<Vec<attempt::Model>> {
    let now = ctx.now();
    let attempts: Vec<_> = starts.iter().map(|start| row(start, now)).collect();
    let rows = attempts.iter().map(|attempt| attempt.clone().into_active_model().reset_all());
    attempt::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    let told = starts.iter().zip(&attempts).map(|(start, attempt)| timeline::Entry {
        of: start.message.into(),
        at: now,
        kind: TimelineKind::Attempted,
        detail: json!({ "attempt": attempt.id, "ordinal": attempt.ordinal }),
    });
    timeline::add_all(tx, told).await?;
    Ok(attempts)
}

fn row(start: &Start<'_>, now: DateTime<Utc>) -> attempt::Model {
    attempt::Model {
        id: AttemptId::new(),
        organization_id: start.message.organization_id,
        message_id: start.message.id,
        carrier_config_id: start.config,
        ordinal: start.message.attempts + 1,
        state: AttemptState::Started,
        fence: start.fence,
        carrier_message_id: None,
        error_code: None,
        error_message: None,
        clean_lists: 0,
        started_at: now,
        ended_at: None,
    }
}

/// The carrier has it: attempt and message learn the id, parked receipts are claimed, a poll is planned in case no
/// receipt comes. Safe to call twice and from any source; true evidence needs no fence.
pub async fn accepted(
    ctx: &Ctx,
    tx: &Tx,
    attempt: attempt::Model,
    evidence: Evidence,
) -> Result<Option<message::Model>> {
    Ok(accepted_all(ctx, tx, vec![(attempt, evidence)]).await?.pop())
}

/// The same for attempts of several messages, each one named once; answers the messages that still exist.
pub async fn accepted_all(
    ctx: &Ctx,
    tx: &Tx,
    proofs: Vec<(attempt::Model, Evidence)>,
) -> Result<Vec<message::Model>> {
    let ids: HashSet<MessageId> = proofs.iter().map(|(attempt, _)| attempt.message_id).collect();
    if ids.len() < proofs.len() {
        return Err(Error::internal("two attempts of one message are proven one after the other"));
    }
    let mut messages = status::locked_all(tx, ids).await?;
    let (mut settled, mut told, mut changes, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (attempt, evidence) in proofs {
        let Some(message) = messages.remove(&attempt.message_id) else { continue };
        let sid = evidence.carrier_message_id.clone();
        let is_news = attempt.state != AttemptState::Accepted;
        if is_news {
            let (of, detail) = ((&message).into(), detail(&attempt, &evidence));
            told.push(timeline::Entry { of, at: ctx.now(), kind: evidence.kind, detail });
            settled.push(ended(ctx, attempt, AttemptState::Accepted, Settled::With(sid.clone())));
        }
        if message.carrier_message_id.as_ref().is_some_and(|first| *first != sid) {
            // A second copy of a message that was sent again by policy: told above, and the first one counts.
            others.push(message);
        } else {
            changes.push((is_news, message, change(evidence)));
        }
    }
    write_all(tx, settled).await?;
    timeline::add_all(tx, told).await?;
    others.extend(learnt(ctx, tx, changes).await?);
    Ok(others)
}

/// Messages that learn, some for the first time, that the carrier has them.
async fn learnt(
    ctx: &Ctx,
    tx: &Tx,
    changes: Vec<(bool, message::Model, Change)>,
) -> Result<Vec<message::Model>> {
    let news: Vec<bool> = changes.iter().map(|(is_news, ..)| *is_news).collect();
    let changes = changes.into_iter().map(|(_, message, change)| (message, change)).collect();
    let rows = status::apply_all(ctx, tx, changes).await?.into_iter().zip(news);
    let (first, again): (Vec<_>, Vec<_>) = rows.partition(|(_, is_news)| *is_news);
    let first = first.into_iter().map(|(message, _)| message).collect();
    let mut messages = receipts::claim_parked_all(ctx, tx, first).await?;
    messages.extend(again.into_iter().map(|(message, _)| message));
    for redacted in messages.iter().filter(|message| message.redacted_at.is_some()) {
        redact::carrier::plan(ctx, tx, redacted, Extent::Content).await?;
    }
    poll::plan_all(ctx, tx, &messages).await?;
    Ok(messages)
}

fn change(evidence: Evidence) -> Change {
    Change {
        status: status::of_remote(&evidence.status),
        carrier_status: Some(evidence.status.as_str().to_owned()),
        carrier_message_id: Some(evidence.carrier_message_id),
        error: evidence.error,
        segments: evidence.segments.and_then(|count| i32::try_from(count).ok()),
        ..Change::default()
    }
}

fn detail(attempt: &attempt::Model, evidence: &Evidence) -> Value {
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
    let attempt = ended(ctx, attempt, state, settled);
    write_all(tx, vec![attempt.clone()]).await?;
    Ok(attempt)
}

fn ended(ctx: &Ctx, mut attempt: attempt::Model, state: AttemptState, settled: Settled) -> attempt::Model {
    attempt.state = state;
    attempt.ended_at = Some(ctx.now());
    match settled {
        Settled::With(id) => attempt.carrier_message_id = Some(id),
        Settled::Because(code, text) => {
            attempt.error_code = code;
            attempt.error_message = Some(text);
        }
    }
    attempt
}

/// Writes the ends of attempts, each one named once, in one statement.
async fn write_all(tx: &Tx, ended: Vec<attempt::Model>) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let replace = OnConflict::column(attempt::Column::Id)
        .update_columns([
            attempt::Column::State,
            attempt::Column::EndedAt,
            attempt::Column::CarrierMessageId,
            attempt::Column::ErrorCode,
            attempt::Column::ErrorMessage,
        ])
        .to_owned();
    let rows = ended.into_iter().map(|attempt| attempt.into_active_model().reset_all());
    attempt::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Whether a message may (still) be handed over.
pub const fn is_open(status: MessageStatus) -> bool {
    matches!(status, MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending)
}

//! Attempts: a row commits before the carrier is called, so that a crash leaves a trace; what is known of it only grows.

mod owner;
mod proof;

pub use self::{
    owner::locked_for,
    proof::{Evidence, Source, accepted, accepted_all},
};
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
use serde_json::json;

use super::{status, timeline};
use crate::base::{ctx::Ctx, error::Result, tx::Tx};

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
        guessed: false,
        error_code: None,
        error_message: None,
        clean_lists: 0,
        started_at: now,
        ended_at: None,
    }
}

/// What is written beside the new state.
#[derive(Clone, Debug)]
pub enum Settled {
    /// The carrier's id, and whether it is a guess.
    With {
        /// The carrier's.
        id: String,
        /// From a list, which names no attempt.
        guessed: bool,
    },
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
        Settled::With { id, guessed } => (attempt.carrier_message_id, attempt.guessed) = (Some(id), guessed),
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
            attempt::Column::Guessed,
            attempt::Column::CleanLists,
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

//! What follows a definite refusal: another try by the error's class, or the end.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{
    attempt,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::MessageId,
    message, opt_out,
};
use serde_json::json;

use super::{
    attempt::Settled,
    status::{self, Change},
    timeline,
};
use crate::{
    base::{
        ctx::Ctx,
        error::Result,
        jobs::{Lease, Outcome, pause},
        tx::Tx,
    },
    carriers::{CarrierError, ErrorKind, RetryClass},
    features::contacts::opt_outs,
};

/// How long a message without its own validity is tried while the carrier cannot be reached (Twilio queues about as
/// long for a sender, code 21611).
const PATIENCE: chrono::Duration = chrono::Duration::hours(4);
/// Our own words for a message that consent stopped at hand-over.
const OPTED_OUT: &str = "The recipient has opted out.";

/// Whether the time within which the message makes sense is over.
pub fn is_expired(ctx: &Ctx, message: &message::Model) -> bool {
    message.validity_seconds.is_some_and(|seconds| {
        ctx.now()
            > message.scheduled_at.unwrap_or(message.created_at) + chrono::Duration::seconds(seconds.into())
    })
}

/// Fails a message that was not handed over, and ends its job.
pub async fn give_up(ctx: &Ctx, lease: &Lease, id: MessageId, why: &'static str) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    if let Some(message) = status::locked(&tx, id).await? {
        timeline::add(&tx, &message, ctx.now(), [(TimelineKind::Failed, json!({ "why": why }))]).await?;
        fail(ctx, &tx, message, None, why.to_owned()).await?;
    }
    lease.finish(&tx).await?;
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// Consent was withdrawn between acceptance and hand-over.
pub async fn blocked(ctx: &Ctx, tx: &Tx, message: message::Model, refusal: &opt_out::Model) -> Result<()> {
    let detail = json!({ "optOut": refusal.id, "scope": refusal.scope, "since": refusal.created_at });
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::Blocked, detail)]).await?;
    fail(ctx, tx, message, None, OPTED_OUT.to_owned()).await
}

/// The carrier was not called after all: the attempt is closed and the message tried again at once.
pub async fn not_called(ctx: &Ctx, lease: &Lease, attempt: attempt::Model) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    if let Some(attempt) = super::attempt::under_lock(&tx, &attempt, AttemptState::Started).await? {
        let why = Settled::Because(None, "not called: too little was left of the lease".to_owned());
        super::attempt::settle(ctx, &tx, attempt, AttemptState::Refused, why).await?;
    }
    lease.again(&tx, ctx.now(), lease.job.payload.clone()).await?;
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// The carrier did not take it: records the refusal, then retries or fails. An attempt that was settled meanwhile, by a
/// callback, stays as it is.
pub async fn refused(
    ctx: &Ctx,
    tx: &Tx,
    lease: &Lease,
    attempt: attempt::Model,
    error: &CarrierError,
) -> Result<()> {
    let Some(message) = status::locked(tx, attempt.message_id).await? else { return lease.finish(tx).await };
    let Some(attempt) = super::attempt::under_lock(tx, &attempt, AttemptState::Started).await? else {
        return lease.finish(tx).await;
    };
    let why = Settled::Because(error.code, error.text.clone());
    let attempt = super::attempt::settle(ctx, tx, attempt, AttemptState::Refused, why).await?;
    let detail = json!({
        "attempt": attempt.id, "code": error.code, "http": error.http, "text": error.explanation(),
    });
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::CarrierRefused, detail)]).await?;
    if error.retry() == RetryClass::OptOut {
        opt_outs::record_carrier_refusal(ctx, tx, &message).await?;
    }
    let Some(at) = next_try(ctx, &message, error) else {
        fail(ctx, tx, message, error.code, error.explanation().to_owned()).await?;
        return lease.finish(tx).await;
    };
    let detail = json!({ "at": at, "why": error.explanation() });
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::RetryScheduled, detail)]).await?;
    lease.again(tx, at, lease.job.payload.clone()).await
}

async fn fail(ctx: &Ctx, tx: &Tx, message: message::Model, code: Option<i32>, text: String) -> Result<()> {
    let change =
        Change { status: Some(MessageStatus::Failed), error: Some((code, text)), ..Change::default() };
    status::apply(ctx, tx, message, change).await?;
    Ok(())
}

/// When to try again, by the class of the refusal; `None` when it would be no use or too late.
fn next_try(ctx: &Ctx, message: &message::Model, error: &CarrierError) -> Option<DateTime<Utc>> {
    let now = ctx.now();
    let begun = message.scheduled_at.unwrap_or(message.created_at);
    let patience = message.validity_seconds.map_or(PATIENCE, |s| chrono::Duration::seconds(s.into()));
    let asked = error.retry_after.and_then(|after| chrono::Duration::from_std(after).ok());
    let tries = message.attempts;
    let unreachable =
        matches!(error.kind, ErrorKind::NotSent | ErrorKind::BreakerOpen | ErrorKind::RateLimited);
    let wait = match error.retry() {
        RetryClass::Backoff if unreachable && now < begun + patience => pause(tries.min(8)),
        RetryClass::Backoff if tries < most_tries(ctx) => pause(tries),
        RetryClass::Once if tries < 2 => pause(5),
        RetryClass::Later if tries < 6 => chrono::Duration::minutes(15) * tries,
        RetryClass::Tomorrow if tries < 3 => chrono::Duration::days(1),
        _ => return None,
    };
    let wait = asked.map_or(wait, |asked| asked + jitter(asked.max(wait)));
    message.validity_seconds.is_none_or(|_| now + wait < begun + patience).then(|| now + wait)
}

/// Between nothing and a tenth: those that wait for the same moment do not all come at it.
fn jitter(wait: chrono::Duration) -> chrono::Duration {
    let most = u64::try_from(wait.num_milliseconds()).unwrap_or(0) / 10;
    chrono::Duration::from_std(Duration::from_millis(rand::random_range(0..=most))).unwrap_or_default()
}

fn most_tries(ctx: &Ctx) -> i32 {
    i32::try_from(ctx.hub.config.delivery.job_attempts).unwrap_or(i32::MAX)
}

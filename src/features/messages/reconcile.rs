//! The `reconcile` job: looks for evidence of an attempt in doubt in the carrier's list (a callback may be faster), and
//! follows the organisation's policy when the window closes without any (reliability.md, rules 3 and 4).

mod look;

use chrono::Duration;
use entity::{
    attempt, carrier_config,
    enums::{AttemptState, InDoubtPolicy, MessageStatus, TimelineKind},
    ids::AttemptId,
    message,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::json;

use self::look::{Look, look};
use super::{
    attempt::{Evidence, Settled, Source},
    deliver,
    status::{self, Change},
    timeline,
};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        jobs::{BACKGROUND, Handler, Lease, NewJob, Outcome},
        tx::Tx,
    },
    carriers::messaging::RemoteMessage,
};

/// Kind of the job; its subject is the attempt's public id.
pub const KIND: &str = "reconcile";
/// Lists without the message before its absence counts (reliability.md, rule 4).
const CLEAN_LISTS: i32 = 2;
/// Windows after which a list that cannot be read ends the looking.
const PATIENCE: i32 = 10;

/// Runs `reconcile` jobs.
#[derive(Debug)]
pub struct Reconcile;

/// Looks for evidence soon; the list may lag, so several times within the window.
pub async fn plan(ctx: &Ctx, tx: &Tx, attempt: &attempt::Model) -> Result<()> {
    let job = NewJob {
        organization_id: attempt.organization_id,
        kind: KIND,
        subject: attempt.id.to_string(),
        payload: json!({}),
        priority: BACKGROUND,
        run_at: ctx.now() + pace(ctx),
    };
    tx.enqueue(job, ctx.now()).await
}

/// A quarter of the window between two looks.
fn pace(ctx: &Ctx) -> Duration {
    window(ctx) / 4
}

fn window(ctx: &Ctx) -> Duration {
    Duration::from_std(ctx.hub.config.delivery.in_doubt_window).unwrap_or(Duration::MAX)
}

#[async_trait::async_trait]
impl Handler for Reconcile {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let id: AttemptId = lease.job.subject.parse().map_err(Error::internal)?;
        let attempt = attempt::Entity::find_by_id(id).one(ctx.db()).await?;
        let Some(attempt) = attempt.filter(|attempt| attempt.state == AttemptState::InDoubt) else {
            return Ok(Outcome::Done);
        };
        let message = message::Entity::find_by_id(attempt.message_id).one(ctx.db()).await?;
        let config = carrier_config::Entity::find_by_id(attempt.carrier_config_id).one(ctx.db()).await?;
        let Some(message) = message else { return Ok(Outcome::Done) };
        let Some(config) = config else {
            // Without the account nobody can be asked any more.
            return conclude(ctx, lease, &attempt, InDoubtPolicy::Hold).await;
        };
        match look(ctx, &config, &message, &attempt).await {
            Ok(Look::Found(remote)) => adopt(ctx, lease, attempt, &remote).await,
            Ok(Look::Absent) => absent(ctx, lease, attempt, &config).await,
            Ok(Look::Unclear) => unclear(ctx, lease, &attempt).await,
            Err(error) => {
                tracing::warn!(attempt = %id, %error, "the carrier's list cannot be read");
                unclear(ctx, lease, &attempt).await
            }
        }
    }

    async fn died(&self, ctx: &Ctx, tx: &Tx, lease: &Lease, _reason: &str) -> Result<serde_json::Value> {
        if let Ok(id) = lease.job.subject.parse::<AttemptId>()
            && let Some(attempt) = attempt::Entity::find_by_id(id).one(&**tx).await?
            && let Some(attempt) = super::attempt::under_lock(tx, &attempt, AttemptState::InDoubt).await?
        {
            // Nobody looks for evidence any more: a person should know.
            follow_policy(ctx, tx, attempt, InDoubtPolicy::Hold).await?;
        }
        Ok(lease.job.payload.clone())
    }
}

/// Looks again, until so many windows have passed that a person should know. A list that cannot be read is no evidence of
/// absence, so nothing is sent again whatever the policy.
async fn unclear(ctx: &Ctx, lease: &Lease, attempt: &attempt::Model) -> Result<Outcome> {
    if ctx.now() < attempt.started_at + window(ctx) * PATIENCE {
        return Ok(Outcome::At(ctx.now() + pace(ctx)));
    }
    conclude(ctx, lease, attempt, InDoubtPolicy::Hold).await
}

/// Ends the looking by a policy, unless a callback came meanwhile.
async fn conclude(
    ctx: &Ctx,
    lease: &Lease,
    attempt: &attempt::Model,
    policy: InDoubtPolicy,
) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    if let Some(attempt) = super::attempt::under_lock(&tx, attempt, AttemptState::InDoubt).await? {
        follow_policy(ctx, &tx, attempt, policy).await?;
    }
    lease.finish(&tx).await?;
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// Takes the copy for ours, unless a callback named another one, or another message got it, while the list was read.
async fn adopt(ctx: &Ctx, lease: &Lease, attempt: attempt::Model, remote: &RemoteMessage) -> Result<Outcome> {
    let evidence = Evidence {
        carrier_message_id: remote.sid.clone(),
        status: remote.status.clone(),
        error: remote.error_code.map(|code| (Some(code), remote.error_message.clone().unwrap_or_default())),
        segments: remote.num_segments,
        source: Source::List,
    };
    let tx = ctx.begin().await?;
    super::attempt::locked_for(&tx, &attempt, &remote.sid).await?;
    let still = super::attempt::under_lock(&tx, &attempt, AttemptState::InDoubt).await?;
    if let Some(attempt) = still
        && super::attempt::accepted(ctx, &tx, attempt, evidence).await?.is_none()
    {
        // Another message was faster: what is left is seen by another look.
        lease.again(&tx, ctx.now() + pace(ctx), lease.job.payload.clone()).await?;
    } else {
        lease.finish(&tx).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

async fn absent(
    ctx: &Ctx,
    lease: &Lease,
    attempt: attempt::Model,
    config: &carrier_config::Model,
) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    let Some(attempt) = super::attempt::under_lock(&tx, &attempt, AttemptState::InDoubt).await? else {
        // A callback came while the list was read.
        lease.finish(&tx).await?;
        tx.commit().await?;
        return Ok(Outcome::Settled);
    };
    let lists = attempt.clean_lists + 1;
    let closed = lists >= CLEAN_LISTS && ctx.now() >= attempt.started_at + window(ctx);
    let mut row = attempt.into_active_model();
    row.clean_lists = Set(lists);
    let attempt = row.update(&*tx).await?;
    if closed {
        lease.finish(&tx).await?;
        follow_policy(ctx, &tx, attempt, config.in_doubt_policy).await?;
    } else {
        lease.again(&tx, ctx.now() + pace(ctx), lease.job.payload.clone()).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// Nobody knows, and looking further will not tell.
async fn follow_policy(ctx: &Ctx, tx: &Tx, attempt: attempt::Model, policy: InDoubtPolicy) -> Result<()> {
    let Some(message) = status::locked(tx, attempt.message_id).await? else { return Ok(()) };
    let is_open = super::attempt::is_open(message.status) || message.status == MessageStatus::Unknown;
    if !is_open || message.carrier_message_id.is_some() {
        return Ok(());
    }
    let detail = json!({ "attempt": attempt.id, "cleanLists": attempt.clean_lists });
    match policy {
        InDoubtPolicy::Hold => {
            timeline::add(tx, &message, ctx.now(), [(TimelineKind::Held, detail)]).await?;
            let change = Change { status: Some(MessageStatus::Unknown), ..Change::default() };
            status::apply(ctx, tx, message, change).await?;
        }
        InDoubtPolicy::Resend => {
            timeline::add(tx, &message, ctx.now(), [(TimelineKind::Resent, detail)]).await?;
            let why =
                Settled::Because(None, "no evidence within the window; sent again by policy".to_owned());
            super::attempt::settle(ctx, tx, attempt, AttemptState::Abandoned, why).await?;
            resend(ctx, tx, &message).await?;
        }
    }
    Ok(())
}

/// Hands a message in doubt over once more.
pub async fn resend(ctx: &Ctx, tx: &Tx, message: &message::Model) -> Result<()> {
    let job = NewJob {
        organization_id: message.organization_id,
        kind: deliver::KIND,
        subject: message.id.to_string(),
        payload: serde_json::to_value(deliver::Payload { resend: true })?,
        priority: message.priority,
        run_at: ctx.now(),
    };
    tx.enqueue(job, ctx.now()).await
}

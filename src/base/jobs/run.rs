//! One run of a claimed job: calls its handler, survives whatever that does, and settles what the handler leaves to it.

use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::job;
use futures_util::FutureExt;
use sea_orm::{EntityTrait, QueryFilter};

use super::{Handler, Handlers, Lease, Outcome, held, pause};
use crate::base::{
    ctx::{Ctx, Hub},
    error::{Error, Result},
    panics,
    telemetry::names,
};

/// Left of the lease for settling a run that does not end; a tenth of a shorter lease.
const SETTLING: Duration = Duration::from_millis(500);
/// How much later a job is looked at again whose kind is unknown here, as during an upgrade.
const UNKNOWN_KIND: chrono::Duration = chrono::Duration::seconds(30);

/// Why a job dies whose runs left nothing behind.
const NO_END: &str = "no run of it ended: the process stopped or the lease was lost each time";

pub(super) async fn run_one(hub: &Arc<Hub>, handlers: &Handlers, lease: Lease) {
    let ctx = Ctx::system(hub.clone(), lease.job.organization_id);
    let (kind, job) = (lease.job.kind.as_str(), lease.job.id);
    let settled = match handlers.of(kind) {
        None => {
            tracing::error!(kind, "no handler for this kind of job; a newer version may have one");
            settle(&ctx, &lease, Some(ctx.now() + UNKNOWN_KIND)).await
        }
        Some(handler) if lease.job.tries > most_tries(hub) => {
            tracing::error!(kind, %job, "a job is given up: its runs neither ended nor failed");
            fail(&ctx, handler, &lease, NO_END, true).await
        }
        Some(handler) => run(&ctx, handler, &lease).await,
    };
    if let Err(error) = settled {
        tracing::warn!(kind, %job, %error, "a job could not be settled; its lease will run out");
    }
}

async fn run(ctx: &Ctx, handler: &dyn Handler, lease: &Lease) -> Result<()> {
    let (kind, started) = (handler.kind(), Instant::now());
    let outcome = bounded(ctx, handler, lease).await;
    metrics::histogram!(names::JOB_SECONDS, "kind" => kind).record(started.elapsed().as_secs_f64());
    metrics::counter!(names::JOBS, "kind" => kind, "outcome" => word(&outcome)).increment(1);
    match outcome {
        Ok(Outcome::Settled) => Ok(()),
        Ok(Outcome::Done) => settle(ctx, lease, None).await,
        Ok(Outcome::At(at)) => settle(ctx, lease, Some(at)).await,
        Ok(Outcome::Dead(reason)) => fail(ctx, handler, lease, &reason, true).await,
        Err(error) => {
            tracing::warn!(kind, job = %lease.job.id, organization = %lease.job.organization_id, %error, "a job failed");
            fail(ctx, handler, lease, &told(&error, lease), false).await
        }
    }
}

/// A panic is a failed try, and so is a run that would outlast its lease.
async fn bounded(ctx: &Ctx, handler: &dyn Handler, lease: &Lease) -> Result<Outcome> {
    let settling = SETTLING.min(ctx.hub.config.delivery.job_lease / 10);
    let running = AssertUnwindSafe(handler.run(ctx, lease)).catch_unwind();
    match tokio::time::timeout(lease.left().saturating_sub(settling), running).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Err(panicked(handler.kind())),
        Err(_elapsed) => Err(Error::unavailable("the job did not end within its lease")),
    }
}

/// The place stands in the text that admins read in `deadJobs`; the panic's own words may hold values and stay unsaid.
fn panicked(kind: &str) -> Error {
    let place = panics::place().unwrap_or_else(|| "an unknown place".to_owned());
    let message = format!("A run of {kind} panicked at {place}.");
    Error { message: message.into(), ..Error::internal("a panic") }
}

/// What admins read in `deadJobs`. What only the log may tell is found there by the job's id.
fn told(error: &Error, lease: &Lease) -> Cow<'static, str> {
    if error.is_masked() {
        return format!("Something went wrong on our side. The log tells what, under {}.", lease.job.id)
            .into();
    }
    error.message.clone()
}

fn most_tries(hub: &Hub) -> i32 {
    i32::try_from(hub.config.delivery.job_attempts).unwrap_or(i32::MAX)
}

fn word(outcome: &Result<Outcome>) -> &'static str {
    match outcome {
        Ok(Outcome::Settled | Outcome::Done | Outcome::At(_)) => "done",
        Ok(Outcome::Dead(_)) => "dead",
        Err(_) => "retry",
    }
}

async fn settle(ctx: &Ctx, lease: &Lease, again_at: Option<DateTime<Utc>>) -> Result<()> {
    let tx = ctx.begin().await?;
    match again_at {
        None => lease.finish(&tx).await?,
        Some(at) => lease.again(&tx, at, lease.job.payload.clone()).await?,
    }
    tx.commit().await
}

async fn fail(ctx: &Ctx, handler: &dyn Handler, lease: &Lease, reason: &str, at_once: bool) -> Result<()> {
    let most = most_tries(&ctx.hub);
    let tries = lease.job.tries.min(most);
    let dead = at_once || tries == most;
    let tx = ctx.begin().await?;
    // Before the job: handlers lock what it is about, and then the job.
    let payload = if dead { handler.died(ctx, &tx, lease, reason).await? } else { lease.job.payload.clone() };
    let updated = job::Entity::update_many()
        .col_expr(job::Column::Payload, payload.into())
        .col_expr(job::Column::Lane, Option::<String>::None.into())
        .col_expr(job::Column::Tries, tries.into())
        .col_expr(job::Column::RunAt, (ctx.now() + pause(tries)).into())
        .col_expr(job::Column::DeadAt, dead.then(|| ctx.now()).into())
        .col_expr(job::Column::LastError, reason.into())
        .col_expr(job::Column::LeasedUntil, Option::<i64>::None.into())
        .filter(lease.is_mine())
        .exec(&*tx)
        .await?;
    held(updated.rows_affected)?;
    tx.commit().await
}

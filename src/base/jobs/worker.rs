//! The worker: claims jobs by lease, runs their handlers, and settles what the handlers leave to it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::job;
use sea_orm::{EntityTrait, FromQueryResult, QueryFilter};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Handler, Lease, Outcome, held, pause};
use crate::base::{
    ctx::{Ctx, Hub},
    error::Result,
    telemetry::names,
    tx::Tx,
};

/// The longest time after which a job that nobody announced is found.
const POLL: Duration = Duration::from_secs(1);
/// While there is more to do than slots, freed slots are gathered this long, so that one statement claims for several.
const GATHERING: Duration = Duration::from_millis(5);

/// Claims and runs jobs until it is stopped; then lets running ones finish.
#[derive(Debug)]
pub struct Worker {
    hub: Arc<Hub>,
    handlers: Arc<Handlers>,
    stop: CancellationToken,
}

/// All kinds of work, by name.
#[derive(Default)]
pub struct Handlers(HashMap<&'static str, Box<dyn Handler>>);

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Handlers {
    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, handler: impl Handler + 'static) -> Self {
        self.0.insert(handler.kind(), Box::new(handler));
        self
    }
}

impl Worker {
    /// A worker of this process.
    pub fn new(hub: Arc<Hub>, handlers: Handlers, stop: CancellationToken) -> Self {
        Self { hub, handlers: Arc::new(handlers), stop }
    }

    /// Runs until stopped.
    pub async fn run(self) {
        let slots = Arc::new(Semaphore::new(self.hub.config.delivery.workers));
        let mut running = JoinSet::new();
        while !self.stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let free = slots.available_permits();
            let claimed = if free == 0 { Vec::new() } else { self.claim(free).await };
            let all_taken = claimed.len() == free;
            for lease in claimed {
                let permit = slots.clone().acquire_owned().await.expect("never closed");
                let (hub, handlers) = (self.hub.clone(), self.handlers.clone());
                running.spawn(async move {
                    run_one(&hub, &handlers, lease).await;
                    drop(permit);
                });
            }
            if all_taken {
                self.gather(&slots, &mut running).await;
            } else {
                self.wait().await;
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Until somebody announces work, the clock is moved, or the poll is due.
    async fn wait(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.hub.worker.notified() => {}
            () = self.hub.clock.moved() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }

    /// Until a quarter of the slots is free, or one is and the time for gathering is over.
    async fn gather(&self, slots: &Semaphore, running: &mut JoinSet<()>) {
        let enough = self.hub.config.delivery.workers.div_ceil(4);
        let gathered = async {
            running.join_next().await;
            let more =
                async { while slots.available_permits() < enough && running.join_next().await.is_some() {} };
            let _in_time = tokio::time::timeout(GATHERING, more).await;
        };
        self.stop.run_until_cancelled(gathered).await;
    }

    async fn claim(&self, limit: usize) -> Vec<Lease> {
        match claim(&self.hub, limit).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(%error, "jobs cannot be claimed; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
                Vec::new()
            }
        }
    }
}

/// Takes due jobs for this process: one statement, no other worker gets the same ones.
async fn claim(hub: &Arc<Hub>, limit: usize) -> Result<Vec<Lease>> {
    let lease = hub.config.delivery.job_lease;
    let skip_locked = if hub.db.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" };
    let clock = hub.db.clock_sql();
    let sql = format!(
        "UPDATE jobs SET lease_token = lease_token + 1, leased_until = {clock} + $1 WHERE id IN (\
         SELECT id FROM jobs WHERE dead_at IS NULL AND run_at <= $2 AND (leased_until IS NULL OR leased_until < {clock}) \
         ORDER BY priority, run_at, id LIMIT $3 {skip_locked}) RETURNING *"
    );
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = hub.db.sql(sql, [lease_ms.into(), hub.clock.now().into(), limit.into()]);
    let until = Instant::now() + lease;
    let jobs = if hub.db.is_sqlite() && !any_due(hub).await? {
        Vec::new()
    } else {
        claim_rows(hub, statement).await?
    };
    let mut leases: Vec<Lease> = jobs.into_iter().map(|job| Lease { job, until }).collect();
    leases.sort_by_key(|lease| (lease.job.priority, lease.job.run_at, lease.job.id));
    Ok(leases)
}

/// Spares SQLite's only writer a transaction when there is nothing to claim.
async fn any_due(hub: &Hub) -> Result<bool> {
    use sea_orm::ConnectionTrait;
    let sql = format!(
        "SELECT 1 FROM jobs WHERE dead_at IS NULL AND run_at <= $1 AND (leased_until IS NULL OR leased_until < {}) LIMIT 1",
        hub.db.clock_sql()
    );
    let statement = hub.db.sql(sql, [hub.clock.now().into()]);
    Ok(hub.db.read().query_one_raw(statement).await?.is_some())
}

async fn claim_rows(hub: &Arc<Hub>, statement: sea_orm::Statement) -> Result<Vec<job::Model>> {
    if hub.db.is_sqlite() {
        let begin = Tx::begin(hub).await?;
        let rows = job::Model::find_by_statement(statement).all(&*begin).await?;
        begin.commit().await?;
        return Ok(rows);
    }
    Ok(job::Model::find_by_statement(statement).all(hub.db.read()).await?)
}

async fn run_one(hub: &Arc<Hub>, handlers: &Handlers, lease: Lease) {
    let ctx = Ctx::system(hub.clone(), lease.job.organization_id);
    let Some(handler) = handlers.0.get(lease.job.kind.as_str()) else {
        tracing::error!(
            kind = lease.job.kind,
            "no handler for this kind of job; a newer version may have one"
        );
        return;
    };
    let (kind, started) = (handler.kind(), Instant::now());
    let outcome = handler.run(&ctx, &lease).await;
    metrics::histogram!(names::JOB_SECONDS, "kind" => kind).record(started.elapsed().as_secs_f64());
    metrics::counter!(names::JOBS, "kind" => kind, "outcome" => word(&outcome)).increment(1);
    let settled = match outcome {
        Ok(Outcome::Settled) => Ok(()),
        Ok(Outcome::Done) => settle(&ctx, &lease, None).await,
        Ok(Outcome::At(at)) => settle(&ctx, &lease, Some(at)).await,
        Ok(Outcome::Dead(reason)) => fail(&ctx, &lease, &reason, true).await,
        Err(error) => {
            tracing::warn!(kind, job = %lease.job.id, organization = %lease.job.organization_id, %error, "a job failed");
            fail(&ctx, &lease, &error.message, false).await
        }
    };
    if let Err(error) = settled {
        tracing::warn!(kind, job = %lease.job.id, %error, "a job could not be settled; its lease will run out");
    }
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

async fn fail(ctx: &Ctx, lease: &Lease, reason: &str, at_once: bool) -> Result<()> {
    let tries = lease.job.tries + 1;
    let most = i32::try_from(ctx.hub.config.delivery.job_attempts).unwrap_or(i32::MAX);
    let dead = at_once || tries >= most;
    let tx = ctx.begin().await?;
    let updated = job::Entity::update_many()
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

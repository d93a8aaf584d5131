//! Durable work: enqueued in the transaction that makes it needed, claimed by lease, fenced by a token that counts the
//! claims. A handler that lost its lease cannot write.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::{
    ids::{JobId, OrganizationId},
    job,
};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Set, sea_query::OnConflict};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    ctx::{Ctx, Hub},
    error::{Error, Result},
    telemetry::names,
    tx::Tx,
};

/// The longest time after which a job that nobody announced is found.
const POLL: Duration = Duration::from_secs(1);
/// While there is more to do than slots, freed slots are gathered this long, so that one statement claims for several.
const GATHERING: Duration = Duration::from_millis(5);
/// Priority of what a person waits for.
pub const ONE_OFF: i32 = 0;
/// Priority of what nobody waits for.
pub const BACKGROUND: i32 = 20;

/// Work to enqueue.
#[derive(Debug)]
pub struct NewJob {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Which handler.
    pub kind: &'static str,
    /// Public id of what it is about; one living job per kind and subject.
    pub subject: String,
    /// The handler's own data.
    pub payload: serde_json::Value,
    /// Lower goes first.
    pub priority: i32,
    /// Not before.
    pub run_at: DateTime<Utc>,
}

impl Tx {
    /// Enqueues work that exists exactly if this transaction commits. A living job of the same kind and subject is
    /// replaced: a worker that has it loses its lease.
    pub async fn enqueue(&self, new: NewJob, now: DateTime<Utc>) -> Result<()> {
        self.enqueue_all([new], now).await
    }

    /// The same for several, of different subjects.
    pub async fn enqueue_all(&self, new: impl IntoIterator<Item = NewJob>, now: DateTime<Utc>) -> Result<()> {
        let mut due = false;
        let rows = new.into_iter().map(|new| {
            due |= new.run_at <= now;
            row(new, now)
        });
        let replace = OnConflict::columns([job::Column::Kind, job::Column::Subject])
            .update_columns([
                job::Column::Payload,
                job::Column::Priority,
                job::Column::RunAt,
                job::Column::LeasedUntil,
                job::Column::Tries,
                job::Column::DeadAt,
                job::Column::LastError,
            ])
            .value(job::Column::LeaseToken, sea_orm::sea_query::Expr::cust("jobs.lease_token + 1"))
            .to_owned();
        job::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(&**self).await?;
        if due {
            self.wake_worker();
        }
        Ok(())
    }
}

fn row(new: NewJob, now: DateTime<Utc>) -> job::ActiveModel {
    job::ActiveModel {
        id: Set(JobId::new()),
        organization_id: Set(new.organization_id),
        kind: Set(new.kind.to_owned()),
        subject: Set(new.subject),
        payload: Set(new.payload),
        priority: Set(new.priority),
        run_at: Set(new.run_at),
        lease_token: Set(1),
        leased_until: Set(None),
        tries: Set(0),
        dead_at: Set(None),
        last_error: Set(None),
        created_at: Set(now),
    }
}

impl Tx {
    /// Gives a dead job of the organisation all its tries anew, from now on; `None` when there is no such dead job.
    pub async fn redrive(
        &self,
        organization: OrganizationId,
        id: JobId,
        now: DateTime<Utc>,
    ) -> Result<Option<job::Model>> {
        let mut redriven = job::Entity::update_many()
            .col_expr(job::Column::DeadAt, Option::<DateTime<Utc>>::None.into())
            .col_expr(job::Column::Tries, 0.into())
            .col_expr(job::Column::RunAt, now.into())
            .col_expr(job::Column::LeasedUntil, Option::<i64>::None.into())
            .filter(job::Column::OrganizationId.eq(organization))
            .filter(job::Column::Id.eq(id))
            .filter(job::Column::DeadAt.is_not_null())
            .exec_with_returning(&**self)
            .await?;
        self.wake_worker();
        Ok(redriven.pop())
    }
}

/// What a handler did with its job.
#[derive(Debug)]
pub enum Outcome {
    /// The handler finished or rescheduled the job in its own transaction through [`Lease`].
    Settled,
    /// Nothing left to do; the worker deletes it.
    Done,
    /// Again at this time; not a failure.
    At(DateTime<Utc>),
    /// No use in trying again; visible in `deadJobs`.
    Dead(String),
}

/// One kind of work.
#[async_trait::async_trait]
pub trait Handler: Send + Sync {
    /// The kind that its jobs carry.
    fn kind(&self) -> &'static str;
    /// Does the work. An error is a failed try: back-off, then dead after the configured number.
    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome>;
}

/// A claimed job.
#[derive(Debug)]
pub struct Lease {
    /// The job as it was claimed.
    pub job: job::Model,
    until: Instant,
}

impl Lease {
    /// Time left in which nobody else can have claimed it, by this process's monotonic clock.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Deletes the job in the handler's transaction; UNAVAILABLE, and nothing written, when the lease was lost.
    pub async fn finish(&self, tx: &Tx) -> Result<()> {
        let deleted = job::Entity::delete_many().filter(self.is_mine()).exec(&**tx).await?;
        held(deleted.rows_affected)
    }

    /// Runs the job again at a time, with other data; the same fence.
    pub async fn again(&self, tx: &Tx, at: DateTime<Utc>, payload: serde_json::Value) -> Result<()> {
        let updated = job::Entity::update_many()
            .col_expr(job::Column::RunAt, at.into())
            .col_expr(job::Column::Payload, payload.into())
            .col_expr(job::Column::LeasedUntil, Option::<i64>::None.into())
            .filter(self.is_mine())
            .exec(&**tx)
            .await?;
        held(updated.rows_affected)
    }

    /// Fails unless the lease is still held, and keeps others from claiming until the transaction ends.
    pub async fn assert_held(&self, tx: &Tx) -> Result<()> {
        let touched = job::Entity::update_many()
            .col_expr(job::Column::LeaseToken, self.job.lease_token.into())
            .filter(self.is_mine())
            .exec(&**tx)
            .await?;
        held(touched.rows_affected)
    }

    fn is_mine(&self) -> sea_orm::Condition {
        sea_orm::Condition::all()
            .add(job::Column::Id.eq(self.job.id))
            .add(job::Column::LeaseToken.eq(self.job.lease_token))
    }
}

fn held(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(Error::unavailable("the lease was lost to another worker")) }
}

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

/// The most seconds between two tries.
const LONGEST_PAUSE: u64 = 300;

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

/// Doubling, with up to a quarter of jitter.
pub fn pause(tries: i32) -> chrono::Duration {
    let seconds = 1_u64.checked_shl(u32::try_from(tries.max(1) - 1).unwrap_or(0)).unwrap_or(u64::MAX);
    let base = i64::try_from(seconds.min(LONGEST_PAUSE) * 1000).unwrap_or(i64::MAX);
    chrono::Duration::milliseconds(base + rand::random_range(0..=base / 4))
}

//! Durable work: enqueued in the transaction that makes it needed, claimed by lease, fenced by a token that counts the
//! claims. A handler that lost its lease cannot write.

mod claim;
mod lanes;
pub mod orphans;
mod run;
mod slots;
#[cfg(test)]
mod tests;
mod together;
mod worker;

pub use lanes::Lane;
pub use worker::{Handlers, Worker};

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::{
    ids::{JobId, OrganizationId},
    job,
};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};

use super::{
    ctx::Ctx,
    error::{Error, Result},
    tx::Tx,
};

/// Priority of what a person waits for.
pub const ONE_OFF: i32 = 0;
/// Priorities that clients may give to what they send: first to last.
pub const CHOSEN: RangeInclusive<i32> = ONE_OFF..=100;
/// Priority of what nobody waits for. No client can choose it: slots are kept for it.
pub const BACKGROUND: i32 = 1000;

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
                job::Column::Lane,
                job::Column::Waiting,
                job::Column::LeasedUntil,
                job::Column::Tries,
                job::Column::DeadAt,
                job::Column::LastError,
            ])
            .value(job::Column::LeaseToken, Expr::cust("jobs.lease_token + 1"))
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
        lane: Set(None),
        waiting: Set(false),
        lease_token: Set(1),
        leased_until: Set(None),
        tries: Set(0),
        dead_at: Set(None),
        last_error: Set(None),
        created_at: Set(now),
    }
}

impl Tx {
    /// Sees to it that jobs of these kinds and subjects run by their times: missing ones are enqueued, waiting ones are
    /// brought forward. One that runs already keeps its lease, and dead ones stay dead.
    pub async fn hasten(&self, new: impl IntoIterator<Item = NewJob>, now: DateTime<Utc>) -> Result<()> {
        let forward = OnConflict::columns([job::Column::Kind, job::Column::Subject])
            .update_column(job::Column::RunAt)
            .action_and_where(Expr::cust("jobs.run_at > excluded.run_at AND jobs.dead_at IS NULL"))
            .to_owned();
        let rows = new.into_iter().map(|new| row(new, now));
        job::Entity::insert_many(rows).on_conflict(forward).exec_without_returning(&**self).await?;
        self.wake_worker();
        Ok(())
    }

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
    /// In the transaction that gives the job up: shows it where users look. Answers the data with which the job runs when
    /// it is redriven.
    async fn died(&self, _ctx: &Ctx, _tx: &Tx, lease: &Lease, _reason: &str) -> Result<serde_json::Value> {
        Ok(lease.job.payload.clone())
    }
}

/// A claimed job.
#[derive(Clone, Debug)]
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

    /// Runs the job again at a time, with other data; the same fence. Not a failure: the claim's try is given back. A turn
    /// that it had is used up.
    pub async fn again(&self, tx: &Tx, at: DateTime<Utc>, payload: serde_json::Value) -> Result<()> {
        let updated = job::Entity::update_many()
            .col_expr(job::Column::RunAt, at.into())
            .col_expr(job::Column::Payload, payload.into())
            .col_expr(job::Column::Lane, Option::<String>::None.into())
            .col_expr(job::Column::Tries, (self.job.tries - 1).max(0).into())
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

/// The most seconds between two tries.
const LONGEST_PAUSE: u64 = 300;

/// Doubling, with up to a quarter of jitter.
pub fn pause(tries: i32) -> chrono::Duration {
    let seconds = 1_u64.checked_shl(u32::try_from(tries.max(1) - 1).unwrap_or(0)).unwrap_or(u64::MAX);
    let base = i64::try_from(seconds.min(LONGEST_PAUSE) * 1000).unwrap_or(i64::MAX);
    chrono::Duration::milliseconds(base + rand::random_range(0..=base / 4))
}

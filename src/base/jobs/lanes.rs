//! Lanes: jobs that share a pace, such as those of one sender, wait in a line that moves at that pace on all instances
//! together. A slot belongs to the lane and not to a job: when it comes, the most urgent of those that wait then gets
//! it, and only that one is claimed. A lane that nobody waits in costs nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entity::{job, lane};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{Lease, held};
use crate::base::{
    ctx::{Ctx, Hub},
    error::{Error, Result},
    switches,
    tx::Tx,
};

/// Lanes that one look serves; the next look serves the others.
const LANES: u64 = 100;
/// Jobs that leave a line at once where no pace holds them back any more.
const UNPACED: i64 = 100;
/// Microseconds: late slots are made up for, but never more than those of one second at once.
const SECOND: i64 = 1_000_000;
/// Between two looks at the lanes, at least.
const PACE: Duration = Duration::from_millis(20);
/// Between two looks when no line moves before; also after trouble.
const IDLE: Duration = Duration::from_secs(1);

/// A line and its pace.
#[derive(Clone, Debug)]
pub struct Lane {
    /// What its jobs share, such as `account/address`.
    pub key: String,
    /// Microseconds between two slots; 0 empties the line.
    pub gap: i64,
}

impl Lane {
    /// A line of so many slots a second, and never more; 0 for no pace.
    pub fn new(key: String, per_second: u32) -> Self {
        let per_second = i64::from(per_second);
        Self { key, gap: if per_second > 0 { (SECOND + per_second - 1) / per_second } else { 0 } }
    }

    /// Gives those that still wait the pace that is right by now.
    pub async fn keep_pace(&self, ctx: &Ctx) -> Result<()> {
        let known = lane::Entity::find_by_id(&self.key).one(ctx.db()).await?;
        if known.is_none_or(|lane| lane.gap == self.gap) {
            return Ok(());
        }
        let tx = ctx.begin().await?;
        lane::Entity::update_many()
            .col_expr(lane::Column::Gap, self.gap.into())
            .filter(lane::Column::Key.eq(&self.key))
            .exec(&*tx)
            .await?;
        tx.commit().await
    }
}

impl Lease {
    /// Whether this run is the job's turn in its lane.
    pub const fn has_turn(&self) -> bool {
        self.job.lane.is_some()
    }

    /// Takes the slot of a free lane. `false`: the job is in the line now, and settled until its turn; not a failure.
    pub async fn take_turn(&self, ctx: &Ctx, lane: &Lane) -> Result<bool> {
        let tx = ctx.begin().await?;
        let free = !has_line(ctx, &tx, lane).await? && take_slot(ctx, &tx, lane).await?;
        if !free {
            let updated = job::Entity::update_many()
                .col_expr(job::Column::Lane, lane.key.as_str().into())
                .col_expr(job::Column::Waiting, true.into())
                .col_expr(job::Column::Tries, (self.job.tries - 1).max(0).into())
                .col_expr(job::Column::LeasedUntil, Option::<i64>::None.into())
                .filter(self.is_mine())
                .exec(&*tx)
                .await?;
            held(updated.rows_affected)?;
            tx.wake_worker();
        }
        tx.commit().await?;
        Ok(free)
    }
}

/// Whether others wait already. They keep the line open until this transaction ends, and so can join at the same time.
async fn has_line(ctx: &Ctx, tx: &Tx, lane: &Lane) -> Result<bool> {
    let lock = if ctx.hub.db.is_sqlite() { "" } else { "FOR KEY SHARE" };
    let sql = format!("SELECT gap FROM lanes WHERE key = $1 AND waiting {lock}");
    Ok(tx.query_one_raw(ctx.hub.db.sql(sql, [lane.key.as_str().into()])).await?.is_some())
}

/// Takes the present slot, or opens the line where it is taken.
async fn take_slot(ctx: &Ctx, tx: &Tx, lane: &Lane) -> Result<bool> {
    let now = ctx.now().timestamp_micros();
    let statement = ctx.hub.db.sql(
        "INSERT INTO lanes (key, next_at, gap, waiting) VALUES ($1, $2 + $3, $3, FALSE) ON CONFLICT (key) DO UPDATE \
         SET gap = excluded.gap, waiting = (lanes.waiting OR lanes.next_at > $2), \
         next_at = CASE WHEN lanes.waiting OR lanes.next_at > $2 THEN lanes.next_at ELSE excluded.next_at END \
         RETURNING waiting",
        [lane.key.as_str().into(), now.into(), lane.gap.into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("no lane was returned"))?;
    let waiting: bool = row.try_get_by_index(0)?;
    Ok(!waiting)
}

/// When a worker looked at the lanes, and when it has to look again.
#[derive(Debug)]
pub(super) struct Looks {
    last: Option<Instant>,
    next: Instant,
}

impl Looks {
    pub(super) fn new() -> Self {
        Self { last: None, next: Instant::now() }
    }

    /// Gives the slots that are due to the most urgent of their lines; how long to wait before the next look.
    pub(super) async fn look(&mut self, hub: &Arc<Hub>) -> Duration {
        let now = Instant::now();
        if self.last.is_some_and(|last| now < last + PACE) {
            return self.next.saturating_duration_since(now).min(PACE);
        }
        let wait = give_turns(hub).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the lanes cannot be read; trying again");
            IDLE
        });
        (self.last, self.next) = (Some(now), now + wait.max(PACE));
        self.next.saturating_duration_since(Instant::now())
    }
}

/// How long no line moves.
async fn give_turns(hub: &Arc<Hub>) -> Result<Duration> {
    let first = hub.db.sql("SELECT next_at FROM lanes WHERE waiting ORDER BY next_at LIMIT 1", []);
    let Some(first) = hub.db.read().query_one_raw(first).await? else { return Ok(IDLE) };
    let (first, now): (i64, i64) = (first.try_get_by_index(0)?, hub.clock.now().timestamp_micros());
    if first > now {
        let micros = u64::try_from(first - now).unwrap_or_default();
        return Ok(Duration::from_micros(micros).min(IDLE));
    }
    if switches::is_sending_paused(hub.db.read()).await? {
        return Ok(IDLE);
    }
    let tx = Tx::begin(hub).await?;
    for lane in due(hub, &tx, now).await? {
        move_line(hub, &tx, &lane, now).await?;
    }
    tx.commit().await?;
    Ok(Duration::ZERO)
}

/// Locked against other instances, but not against those that join a line.
async fn due(hub: &Hub, tx: &Tx, now: i64) -> Result<Vec<lane::Model>> {
    let lock = if hub.db.is_sqlite() { "" } else { "FOR NO KEY UPDATE SKIP LOCKED" };
    let sql =
        format!("SELECT * FROM lanes WHERE waiting AND next_at <= $1 ORDER BY next_at LIMIT {LANES} {lock}");
    Ok(lane::Model::find_by_statement(hub.db.sql(sql, [now.into()])).all(&**tx).await?)
}

async fn move_line(hub: &Hub, tx: &Tx, lane: &lane::Model, now: i64) -> Result<()> {
    let (slots, next) = slots(now, lane, unclaimed(hub, tx, lane).await?);
    let lock = if hub.db.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "UPDATE jobs SET waiting = FALSE, run_at = $1 WHERE id IN (SELECT id FROM jobs WHERE lane = $2 AND waiting \
         ORDER BY priority, run_at, id LIMIT $3 {lock})"
    );
    let values = [hub.clock.now().into(), lane.key.as_str().into(), slots.into()];
    let moved = tx.execute_raw(hub.db.sql(sql, values)).await?.rows_affected();
    let sql = "UPDATE lanes SET next_at = $1 WHERE key = $2";
    tx.execute_raw(hub.db.sql(sql, [next.into(), lane.key.as_str().into()])).await?;
    if i64::try_from(moved).is_ok_and(|moved| moved < slots) {
        close_if_empty(hub, tx, lane).await?;
    }
    Ok(())
}

/// Turns that were given and that no worker has taken up, as while a slow carrier holds the workers' slots.
async fn unclaimed(hub: &Hub, tx: &Tx, lane: &lane::Model) -> Result<i64> {
    let sql = format!(
        "SELECT count(*) FROM jobs WHERE lane = $1 AND NOT waiting AND dead_at IS NULL \
         AND (leased_until IS NULL OR leased_until < {})",
        hub.db.clock_sql()
    );
    let row = tx.query_one_raw(hub.db.sql(sql, [lane.key.as_str().into()])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

/// Nobody can join while the line is closed: who is about to holds a lock on the lane, and then it stays open.
async fn close_if_empty(hub: &Hub, tx: &Tx, lane: &lane::Model) -> Result<()> {
    if !hub.db.is_sqlite() {
        let alone = "SELECT gap FROM lanes WHERE key = $1 FOR UPDATE SKIP LOCKED";
        if tx.query_one_raw(hub.db.sql(alone, [lane.key.as_str().into()])).await?.is_none() {
            return Ok(());
        }
    }
    let sql = "UPDATE lanes SET waiting = FALSE WHERE key = $1 \
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.lane = $1 AND jobs.waiting)";
    tx.execute_raw(hub.db.sql(sql, [lane.key.as_str().into()])).await?;
    Ok(())
}

/// How many slots a lane has by now, and when the next one is. Turns that wait for a worker are late slots too: with the
/// new ones they are never more than those of one second.
fn slots(now: i64, lane: &lane::Model, unclaimed: i64) -> (i64, i64) {
    if lane.gap <= 0 {
        return (UNPACED, now);
    }
    let overdue = (now - lane.next_at).max(0);
    let most = (SECOND / lane.gap).max(1);
    let slots = (overdue / lane.gap + 1).min((most - unclaimed).max(0));
    let next = lane.next_at + slots * lane.gap;
    (slots, if next > now { next } else { now + lane.gap })
}

#[cfg(test)]
mod tests;

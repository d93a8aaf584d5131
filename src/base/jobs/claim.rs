//! Claiming: which due jobs this process takes, in one statement, so that no other worker gets the same ones. Runs nothing.

use std::{sync::Arc, time::Instant};

use entity::job;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use super::{BACKGROUND, Lease, slots::Room};
use crate::base::{ctx::Hub, error::Result, tx::Tx};

/// Takes due jobs for this process. The claim counts as a try until the run is settled: what kills the process or
/// never ends dies as well.
pub(super) async fn claim(hub: &Arc<Hub>, room: &Room) -> Result<Vec<Lease>> {
    let lease = hub.config.delivery.job_lease;
    let until = Instant::now() + lease;
    if hub.db.is_sqlite() && !any_due(hub, room).await? {
        return Ok(Vec::new());
    }
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let mut values: Vec<Value> = vec![hub.clock.now().into(), lease_ms.into(), count(room.limit)];
    let picked = if room.full.is_empty() {
        values.push(count(room.background));
        by_priority(hub)
    } else {
        values.extend(room.full.iter().map(|id| Value::from(*id)));
        let heads = heads(hub, values.len() - room.full.len(), room);
        format!(
            "SELECT id FROM jobs WHERE {heads} ORDER BY priority, run_at, id LIMIT $3 {}",
            skip_locked(hub)
        )
    };
    let (clock, due) = (hub.db.clock_sql(), due(hub));
    let sql = format!(
        "UPDATE jobs SET lease_token = lease_token + 1, tries = tries + 1, leased_until = {clock} + $2 \
         WHERE id IN ({picked}) AND {due} RETURNING *"
    );
    let jobs = claim_rows(hub, hub.db.sql(sql, values)).await?;
    let mut leases: Vec<Lease> = jobs.into_iter().map(|job| Lease { job, until }).collect();
    leases.sort_by_key(|lease| (lease.job.priority, lease.job.run_at, lease.job.id));
    Ok(leases)
}

fn count(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

/// `$1` is now by our clock; leases use the database's.
fn due(hub: &Hub) -> String {
    let clock = hub.db.clock_sql();
    format!(
        "dead_at IS NULL AND NOT waiting AND run_at <= $1 AND (leased_until IS NULL OR leased_until < {clock})"
    )
}

fn skip_locked(hub: &Hub) -> &'static str {
    if hub.db.is_sqlite() { "" } else { "FOR UPDATE SKIP LOCKED" }
}

/// `$3` jobs: first up to `$4` of the background, which no backlog may starve, then by priority.
fn by_priority(hub: &Hub) -> String {
    let (due, skip_locked) = (due(hub), skip_locked(hub));
    let columns = "id, priority, run_at";
    format!(
        "SELECT id FROM (\
         SELECT {columns}, 0 AS turn FROM (SELECT {columns} FROM jobs WHERE priority = {BACKGROUND} AND {due} \
         ORDER BY run_at, id LIMIT $4 {skip_locked}) AS reserved \
         UNION ALL SELECT {columns}, 1 FROM (SELECT {columns} FROM jobs WHERE {due} \
         ORDER BY priority, run_at, id LIMIT $3 {skip_locked}) AS urgent) AS turns \
         GROUP BY {columns} ORDER BY min(turn), priority, run_at, id LIMIT $3"
    )
}

/// The condition of the first due job of each organisation that does not hold its share; steps from organisation to
/// organisation through the index `jobs_turns`, past backlogs of any length. The full ones are the values after `skip`.
fn heads(hub: &Hub, skip: usize, room: &Room) -> String {
    let due = due(hub);
    let full: Vec<String> = (1..=room.full.len()).map(|n| format!("${}", skip + n)).collect();
    let full = full.join(", ");
    format!(
        "id IN (WITH RECURSIVE tenants (organization_id) AS (\
         SELECT (SELECT organization_id FROM jobs WHERE dead_at IS NULL AND NOT waiting \
         ORDER BY organization_id LIMIT 1) \
         UNION ALL SELECT (SELECT later.organization_id FROM jobs AS later WHERE later.dead_at IS NULL AND NOT later.waiting \
         AND later.organization_id > tenants.organization_id ORDER BY later.organization_id LIMIT 1) \
         FROM tenants WHERE tenants.organization_id IS NOT NULL) \
         SELECT (SELECT head.id FROM jobs AS head WHERE head.organization_id = tenants.organization_id AND {due} \
         ORDER BY head.priority, head.run_at, head.id LIMIT 1) \
         FROM tenants WHERE tenants.organization_id NOT IN ({full})) AND {due}"
    )
}

/// Spares SQLite's only writer a transaction when there is nothing to claim.
async fn any_due(hub: &Hub, room: &Room) -> Result<bool> {
    let mut values: Vec<Value> = vec![hub.clock.now().into()];
    values.extend(room.full.iter().map(|id| Value::from(*id)));
    let which = if room.full.is_empty() { due(hub) } else { heads(hub, 1, room) };
    let statement = hub.db.sql(format!("SELECT 1 FROM jobs WHERE {which} LIMIT 1"), values);
    Ok(hub.db.read().query_one_raw(statement).await?.is_some())
}

async fn claim_rows(hub: &Arc<Hub>, statement: Statement) -> Result<Vec<job::Model>> {
    if hub.db.is_sqlite() {
        let begin = Tx::begin(hub).await?;
        let rows = job::Model::find_by_statement(statement).all(&*begin).await?;
        begin.commit().await?;
        return Ok(rows);
    }
    Ok(job::Model::find_by_statement(statement).all(hub.db.read()).await?)
}

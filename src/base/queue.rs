//! How the queue stands: for health pages and metrics. Reads only.

use sea_orm::ConnectionTrait;

use super::{ctx::Hub, error::Result};

/// The queue of all instances.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Due and unclaimed.
    pub waiting: i64,
    /// Age of the oldest due job in seconds; 0 when none waits.
    pub oldest_seconds: f64,
    /// Given up.
    pub dead: i64,
}

/// Counts what waits and what is dead, by indexes that hold only those.
pub async fn standing(hub: &Hub) -> Result<Standing> {
    let now = hub.clock.now();
    let clock = hub.db.clock_sql();
    let due = format!(
        "SELECT COUNT(*), MIN(run_at) FROM jobs WHERE dead_at IS NULL AND run_at <= $1 \
         AND (leased_until IS NULL OR leased_until < {clock})"
    );
    let row = hub.db.read().query_one_raw(hub.db.sql(due, [now.into()])).await?;
    let dead = hub.db.sql("SELECT COUNT(*) FROM jobs WHERE dead_at IS NOT NULL", []);
    let dead = hub.db.read().query_one_raw(dead).await?;
    let Some((due, dead)) = row.zip(dead) else { return Ok(Standing::default()) };
    let oldest: Option<chrono::DateTime<chrono::Utc>> = due.try_get_by_index(1)?;
    let age = oldest.map_or(0, |oldest| (now - oldest).num_milliseconds().max(0));
    Ok(Standing {
        waiting: due.try_get_by_index(0)?,
        oldest_seconds: std::time::Duration::from_millis(u64::try_from(age).unwrap_or(0)).as_secs_f64(),
        dead: dead.try_get_by_index(0)?,
    })
}

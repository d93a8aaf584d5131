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
    /// Messages of which nobody knows whether they were sent.
    pub unknown: i64,
}

/// Counts what waits, what is dead and what is unknown, by indexes that hold only those: the conditions stand in the
/// statements, since a parameter cannot choose a partial index.
pub async fn standing(hub: &Hub) -> Result<Standing> {
    let now = hub.clock.now();
    let clock = hub.db.clock_sql();
    let due = format!(
        "SELECT COUNT(*), MIN(run_at) FROM jobs WHERE dead_at IS NULL AND run_at <= $1 \
         AND (leased_until IS NULL OR leased_until < {clock})"
    );
    let row = hub.db.read().query_one_raw(hub.db.sql(due, [now.into()])).await?;
    let Some(due) = row else { return Ok(Standing::default()) };
    let oldest: Option<chrono::DateTime<chrono::Utc>> = due.try_get_by_index(1)?;
    let age = oldest.map_or(0, |oldest| (now - oldest).num_milliseconds().max(0));
    Ok(Standing {
        waiting: due.try_get_by_index(0)?,
        oldest_seconds: std::time::Duration::from_millis(u64::try_from(age).unwrap_or(0)).as_secs_f64(),
        dead: count(hub, "SELECT COUNT(*) FROM jobs WHERE dead_at IS NOT NULL").await?,
        unknown: count(hub, "SELECT COUNT(*) FROM messages WHERE status = 'UNKNOWN'").await?,
    })
}

async fn count(hub: &Hub, sql: &str) -> Result<i64> {
    let row = hub.db.read().query_one_raw(hub.db.sql(sql, [])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use entity::ids::OrganizationId;
    use serde_json::json;

    use super::*;
    use crate::base::{
        jobs::{NewJob, ONE_OFF},
        testing,
        tx::Tx,
    };

    #[tokio::test]
    async fn only_due_jobs_wait_and_the_oldest_gives_the_age() {
        let (hub, _folder) = testing::hub().await;
        assert_eq!(standing(&hub).await.unwrap(), Standing::default());
        let now = hub.clock.now();
        let tx = Tx::begin(&hub).await.unwrap();
        for (subject, due) in [("a", -90), ("b", -5), ("c", 3_600)] {
            let run_at = now + Duration::seconds(due);
            let (organization_id, subject) = (OrganizationId::new(), subject.to_owned());
            let job = NewJob {
                organization_id,
                kind: "test",
                subject,
                payload: json!({}),
                priority: ONE_OFF,
                run_at,
            };
            tx.enqueue(job, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let standing = standing(&hub).await.unwrap();
        assert_eq!((standing.waiting, standing.dead, standing.unknown), (2, 0, 0));
        assert!(standing.oldest_seconds >= 90.0, "{standing:?}");
    }
}

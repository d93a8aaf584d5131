//! What the installation looks like at this moment: queue, pause, pool, Redis. Read at each scrape of `/metrics`, by
//! `/readyz` and by the `health` query; changes nothing.

use chrono::{DateTime, Utc};
use entity::job;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter};

use super::ctx::Hub;
use super::db::Connections;
use super::error::Result;
use super::switches;
use super::telemetry::names;

/// Jobs of all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Due and unclaimed; those that wait for their turn at a pace are not due.
    pub waiting: i64,
    /// When the oldest of them became due.
    pub oldest: Option<DateTime<Utc>>,
    /// Waiting for their turn in lines that have a pace.
    pub in_lines: i64,
    /// When the oldest of those became due.
    pub oldest_in_lines: Option<DateTime<Utc>>,
    /// Given up, waiting for `redriveJob`.
    pub dead: u64,
}

/// One look at everything that tells how the installation is.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// What waits.
    pub queue: Queue,
    /// Whether an operator has paused sending.
    pub sending_paused: bool,
    /// Messages of which nobody knows whether they were sent.
    pub unknown_messages: i64,
    /// This process's pool.
    pub connections: Connections,
    /// Whether Redis answers; `None` without Redis.
    pub redis_up: Option<bool>,
    /// Users and keys that this process answered in the last 15 minutes.
    pub active_users: usize,
}

#[derive(FromQueryResult)]
struct Due {
    waiting: i64,
    oldest: Option<DateTime<Utc>>,
}

impl Vitals {
    /// Takes a look: a few short queries and a ping of Redis, which waits half a second at most.
    pub async fn take(hub: &Hub) -> Result<Self> {
        let at = hub.clock.now();
        Ok(Self {
            at,
            queue: Queue::read(hub, at).await?,
            sending_paused: switches::is_sending_paused(hub.db.read()).await?,
            unknown_messages: unknown_messages(hub).await?,
            connections: hub.db.connections(),
            redis_up: if hub.config.redis.is_some() { Some(hub.feeds.is_connected().await) } else { None },
            active_users: hub.presence.active(at),
        })
    }

    /// Sets the gauges of `/metrics`.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats; counts stay far below 2^53")]
    pub fn record(&self) {
        let age = |since: Option<DateTime<Utc>>| {
            since.map_or(0, |since| (self.at - since).num_milliseconds().max(0)) as f64 / 1000.0
        };
        metrics::gauge!(names::JOBS_WAITING).set(self.queue.waiting as f64);
        metrics::gauge!(names::OLDEST_JOB_SECONDS).set(age(self.queue.oldest));
        metrics::gauge!(names::JOBS_IN_LINES).set(self.queue.in_lines as f64);
        metrics::gauge!(names::OLDEST_IN_LINES_SECONDS).set(age(self.queue.oldest_in_lines));
        metrics::gauge!(names::JOBS_DEAD).set(self.queue.dead as f64);
        metrics::gauge!(names::SENDING_PAUSED).set(f64::from(u8::from(self.sending_paused)));
        metrics::gauge!(names::MESSAGES_UNKNOWN).set(self.unknown_messages as f64);
        metrics::gauge!(names::DATABASE_CONNECTIONS, "state" => "busy").set(f64::from(self.connections.busy));
        metrics::gauge!(names::DATABASE_CONNECTIONS, "state" => "idle").set(f64::from(self.connections.idle));
        metrics::gauge!(names::ACTIVE_USERS).set(self.active_users as f64);
        if let Some(up) = self.redis_up {
            metrics::gauge!(names::REDIS_UP).set(f64::from(u8::from(up)));
        }
    }
}

impl Queue {
    /// Counts what is due at `at` and claimed by nobody, what waits in lines, and what was given up.
    pub async fn read(hub: &Hub, at: DateTime<Utc>) -> Result<Self> {
        let sql = format!(
            "SELECT count(*) AS waiting, min(run_at) AS oldest FROM jobs WHERE dead_at IS NULL AND NOT waiting \
             AND run_at <= $1 \
             AND (leased_until IS NULL OR leased_until < {})",
            hub.db.clock_sql()
        );
        let due = Due::find_by_statement(hub.db.sql(sql, [at.into()])).one(hub.db.read()).await?;
        let lines =
            "SELECT count(*) AS waiting, min(run_at) AS oldest FROM jobs WHERE waiting AND run_at <= $1";
        let lines = Due::find_by_statement(hub.db.sql(lines, [at.into()])).one(hub.db.read()).await?;
        let dead = job::Entity::find().filter(job::Column::DeadAt.is_not_null());
        let dead = dead.count(hub.db.read()).await?;
        let (waiting, oldest) = due.map_or((0, None), |due| (due.waiting, due.oldest));
        let (in_lines, oldest_in_lines) = lines.map_or((0, None), |lines| (lines.waiting, lines.oldest));
        Ok(Self { waiting, oldest, in_lines, oldest_in_lines, dead })
    }
}

/// The status stands in the statement and not in a parameter, so that the partial index answers.
async fn unknown_messages(hub: &Hub) -> Result<i64> {
    let sql = hub.db.sql("SELECT count(*) AS n FROM messages WHERE status = 'UNKNOWN'", []);
    let row = hub.db.read().query_one_raw(sql).await?;
    Ok(row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use entity::ids::OrganizationId;

    use super::*;
    use crate::base::jobs::{NewJob, ONE_OFF};
    use crate::base::testing;
    use crate::base::tx::Tx;

    #[tokio::test]
    async fn only_due_jobs_wait_and_the_oldest_gives_the_age() {
        let (hub, _folder) = testing::hub().await;
        let now = hub.clock.now();
        let tx = Tx::begin(&hub).await.unwrap();
        for (subject, due) in [("a", -90), ("b", -5), ("c", 3_600), ("d", -45), ("e", -30)] {
            let job = NewJob {
                organization_id: OrganizationId::new(),
                kind: "test",
                subject: subject.to_owned(),
                payload: serde_json::json!({}),
                priority: ONE_OFF,
                run_at: now + Duration::seconds(due),
            };
            tx.enqueue(job, now).await.unwrap();
        }
        let join =
            hub.db.sql("UPDATE jobs SET lane = 'AC/+1', waiting = TRUE WHERE subject IN ('d', 'e')", []);
        tx.execute_raw(join).await.unwrap();
        switches::set_sending_paused(&tx, true).await.unwrap();
        tx.commit().await.unwrap();
        let vitals = Vitals::take(&hub).await.unwrap();
        let before = |seconds| Some(now - Duration::seconds(seconds));
        let (oldest, oldest_in_lines) = (before(90), before(45));
        assert_eq!(vitals.queue, Queue { waiting: 2, oldest, in_lines: 2, oldest_in_lines, dead: 0 });
        assert!(vitals.sending_paused && vitals.redis_up.is_none());
        assert!(vitals.connections.busy + vitals.connections.idle >= 1);
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || vitals.record());
        let text = recorder.handle().render();
        assert!(text.contains("phonehub_jobs_waiting 2\n"), "{text}");
        assert!(text.contains("phonehub_jobs_in_lines 2\n"), "{text}");
        let age = text.lines().find_map(|line| line.strip_prefix("phonehub_oldest_in_lines_seconds "));
        assert!(age.unwrap().parse::<f64>().unwrap() >= 45.0, "{text}");
        assert!(text.contains("phonehub_sending_paused 1\n") && !text.contains("redis"), "{text}");
    }
}

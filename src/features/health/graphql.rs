//! The `health` query. For operators alone: it looks past organisations.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};

use super::{Examination, State, examine};
use crate::{base::vitals::Vitals, graphql::CtxExt};

/// How the installation is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum HealthStatus {
    /// Everything works.
    Healthy,
    /// Requests are served, but a part is down: see which.
    Degraded,
    /// Requests cannot be served.
    Unhealthy,
}

/// The state of the installation and of what it depends on.
#[derive(SimpleObject)]
pub struct Health {
    /// All in one word.
    pub status: HealthStatus,
    /// The version of PhoneHub that answers.
    pub version: &'static str,
    /// The database.
    pub database: State,
    /// Whether the database's schema is this version's.
    pub migrations: State,
    /// Redis. Down, events reach other instances by polling.
    pub redis: State,
    /// The account of the installation's carrier config. Down, messages wait.
    pub carrier: State,
    /// What is wrong with that account.
    pub carrier_problem: Option<String>,
    /// Work of all instances; null while the database is down.
    pub queue: Option<QueueHealth>,
    /// Whether an operator has paused sending.
    pub is_sending_paused: Option<bool>,
    /// Messages of all organisations that wait for `resolveMessage`.
    pub unknown_messages: Option<i64>,
}

/// How much work waits.
#[derive(SimpleObject)]
pub struct QueueHealth {
    /// Jobs that are due and not taken up.
    pub waiting: i64,
    /// Seconds that the oldest of them has been due; 0 when none waits.
    pub oldest_seconds: i64,
    /// Jobs that were given up.
    pub dead: u64,
}

impl From<Examination> for Health {
    fn from(examination: Examination) -> Self {
        let Examination { health, carrier_problem, vitals } = examination;
        let status = match (health.is_ready(), health.is_degraded()) {
            (false, _) => HealthStatus::Unhealthy,
            (true, true) => HealthStatus::Degraded,
            (true, false) => HealthStatus::Healthy,
        };
        Self {
            status,
            version: env!("CARGO_PKG_VERSION"),
            database: health.database,
            migrations: health.migrations,
            redis: health.redis,
            carrier: health.carrier,
            carrier_problem: carrier_problem.map(|problem| problem.message),
            is_sending_paused: vitals.as_ref().map(|vitals| vitals.sending_paused),
            unknown_messages: vitals.as_ref().map(|vitals| vitals.unknown_messages),
            queue: vitals.as_ref().map(QueueHealth::from),
        }
    }
}

impl From<&Vitals> for QueueHealth {
    fn from(vitals: &Vitals) -> Self {
        let oldest = vitals.queue.oldest.map_or(0, |oldest| (vitals.at - oldest).num_seconds().max(0));
        Self { waiting: vitals.queue.waiting, oldest_seconds: oldest, dead: vitals.queue.dead }
    }
}

/// The query of operators.
#[derive(Default)]
pub struct HealthQuery;

#[Object]
impl HealthQuery {
    /// How the installation is; asks the carrier. For operators.
    async fn health(&self, gql: &Context<'_>) -> Result<Health> {
        Ok(examine(gql.ctx()?).await?.into())
    }
}

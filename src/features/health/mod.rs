//! Whether the installation works: asked by `/readyz` every few seconds, and in full by operators. Changes nothing.

use std::time::Duration;

use entity::organization;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};

pub mod graphql;

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::{ErrorCode, Result},
        vitals::Vitals,
    },
    carriers::{CarrierError, ErrorKind},
    features::carrier_configs::{
        check::{Problem, account},
        open, query,
    },
};

/// A database that does not answer within this time cannot serve.
const DATABASE: Duration = Duration::from_secs(2);
/// A carrier that does not answer an operator within this time is called down.
const CARRIER: Duration = Duration::from_secs(5);

/// How one part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "PartState")]
pub enum State {
    /// Works.
    Up,
    /// Does not answer, or keeps failing.
    Down,
    /// Not configured, and so not needed.
    Unused,
}

/// How the parts are that requests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The truth.
    pub database: State,
    /// Whether the schema is this version's.
    pub migrations: State,
    /// The bus between instances.
    pub redis: State,
    /// The system config's account; down too while the carrier did not let it in, or no operator's organisation takes what
    /// comes in for nobody else.
    pub carrier: State,
}

/// What operators see beside.
#[derive(Debug)]
pub struct Examination {
    /// The parts; the carrier was asked.
    pub health: Health,
    /// What the carrier objects to.
    pub carrier_problem: Option<Problem>,
    /// Queue, pause and pool; `None` while the database is down.
    pub vitals: Option<Vitals>,
}

impl Health {
    /// Whether requests can be served. Redis and carriers may be down: messages wait in the queue.
    pub fn is_ready(&self) -> bool {
        self.database == State::Up && self.migrations == State::Up
    }

    /// Whether something is down that requests can do without.
    pub fn is_degraded(&self) -> bool {
        self.redis == State::Down || self.carrier == State::Down
    }
}

/// A quick look: nobody outside but the database and Redis is asked. Of the carrier it knows what the last calls met.
pub async fn check(hub: &Hub) -> Health {
    let database = State::of(within(DATABASE, hub.db.read().execute_unprepared("SELECT 1")).await.is_some());
    if database == State::Down {
        let unknown = State::Down;
        return Health { database, migrations: unknown, redis: redis(hub).await, carrier: State::Unused };
    }
    let migrated = within(DATABASE, hub.db.is_migrated()).await;
    let carrier = within(DATABASE, carrier(hub)).await.unwrap_or(State::Down);
    Health { database, migrations: State::of(migrated == Some(true)), redis: redis(hub).await, carrier }
}

/// Up when the system config's account was let in by the carrier, is being called, and has an organisation that takes what
/// comes in for nobody else.
async fn carrier(hub: &Hub) -> Result<State, DbErr> {
    let Some(config) = query::of_system().one(hub.db.read()).await? else { return Ok(State::Unused) };
    let is_used = config.proven_at.is_some() && hub.breakers.of(&config.account).is_closed();
    Ok(State::of(is_used && has_taker(hub).await?))
}

async fn has_taker(hub: &Hub) -> Result<bool, DbErr> {
    let operators = organization::Entity::find().filter(organization::Column::IsOperator.eq(true));
    Ok(operators.count(hub.db.read()).await? > 0)
}

/// A full look, for operators: asks the carrier whether the system config's account is in order.
pub async fn examine(ctx: &Ctx) -> Result<Examination> {
    ctx.caller.require_operator()?;
    let mut health = check(&ctx.hub).await;
    let asked = match health.carrier {
        State::Unused => Ok(()),
        _ => ask_carrier(&ctx.hub).await,
    };
    if health.carrier != State::Unused {
        health.carrier = State::of(asked.is_ok());
    }
    let vitals = within(DATABASE, Vitals::take(&ctx.hub)).await;
    Ok(Examination { health, carrier_problem: asked.err(), vitals })
}

async fn ask_carrier(hub: &Hub) -> Result<(), Problem> {
    let failed = || Problem::from(CarrierError::new(ErrorKind::NotSent, "its account could not be asked"));
    let config = query::of_system().one(hub.db.read()).await.map_err(|_| failed())?;
    let config = config.ok_or_else(failed)?;
    let carrier = open::open(hub, &config).map_err(|_| failed())?;
    let messaging = carrier.messaging.ok_or_else(failed)?;
    let answer = tokio::time::timeout(CARRIER, account(&*messaging, &config)).await;
    answer.map_err(|_| failed())??;
    if has_taker(hub).await.map_err(|_| failed())? {
        return Ok(());
    }
    let message = "No organisation is the operator's: nobody takes what comes in for nobody else. Make one: \
                   phonehub admin create-organization --operator.";
    Err(Problem { code: ErrorCode::NotFound, message: message.to_owned(), sender: None })
}

async fn redis(hub: &Hub) -> State {
    if hub.config.redis.is_none() {
        return State::Unused;
    }
    State::of(hub.feeds.is_connected().await)
}

/// The answer, when one came in time and was good.
async fn within<T, E>(time: Duration, answer: impl Future<Output = Result<T, E>>) -> Option<T> {
    tokio::time::timeout(time, answer).await.ok()?.ok()
}

impl State {
    fn of(works: bool) -> Self {
        if works { Self::Up } else { Self::Down }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing;

    #[tokio::test]
    async fn an_embedded_installation_is_ready_and_a_closed_database_is_not() {
        let (hub, _folder) = testing::hub().await;
        let up = check(&hub).await;
        let expected = Health {
            database: State::Up,
            migrations: State::Up,
            redis: State::Unused,
            carrier: State::Unused,
        };
        assert_eq!(up, expected);
        assert!(up.is_ready() && !up.is_degraded());
        hub.db.clone().close().await;
        assert!(!check(&hub).await.is_ready());
    }

    #[test]
    fn redis_and_carriers_degrade_and_no_more() {
        let up = Health { database: State::Up, migrations: State::Up, redis: State::Up, carrier: State::Up };
        for degraded in [Health { redis: State::Down, ..up }, Health { carrier: State::Down, ..up }] {
            assert!(degraded.is_ready() && degraded.is_degraded());
        }
        assert!(!Health { migrations: State::Down, ..up }.is_ready());
    }
}

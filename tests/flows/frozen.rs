//! A process that stands still for longer than its leases last (a suspended machine, a stopped container) and goes on:
//! whatever it still had in hand meanwhile belongs to another one, or to itself anew. Nothing is sent twice.

use std::time::Duration;

use entity::job;
use phonehub::base::error::{Error, ErrorCode};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, TransactionTrait,
};

use crate::harness::{Fleet, Follower, Ledger, Load, Options, TestDatabase, eventually};

/// Longer than the lease of 5 s, and than the window that follows.
const FROZEN: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_instance_wakes_and_sends_nothing_twice() {
    let database = TestDatabase::new().await;
    let instances = if database.is_postgres() { 2 } else { 1 };
    let fleet = Fleet::start_over(database, instances, Options::default()).await;
    fleet.slow_carrier(Duration::from_millis(300)).await;
    let mut followers = [Follower::start(&fleet, 0).await];
    let load = Load::start(&fleet, 4);
    load.progress(20).await;
    eventually("a job is being worked on", async || (held(&fleet).await > 0).then_some(())).await;
    fleet.processes[0].freeze();
    let before = load.accepted();
    // The freeze has to outlast the leases; what happens meanwhile is looked at below.
    tokio::time::sleep(FROZEN).await;
    let meanwhile = load.accepted() - before;
    fleet.processes[0].thaw();
    assert!(instances == 1 || meanwhile > 20, "the other instance took {meanwhile} messages");
    load.progress(20).await;
    let told = load.finish().await;
    let ledger = Ledger::close(&fleet, told, &mut followers).await;
    println!("{} messages, {meanwhile} of them while an instance stood still", ledger.len());
    ledger.assert_told();
    ledger.assert_sent_once();
    ledger.assert_seen(&followers[0]);
}

/// On PostgreSQL a process may stand still between two statements of a transaction and keep its locks, the one on its
/// organisation's positions at worst: the database ends that transaction, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stands_still_lets_go() {
    let database = TestDatabase::new().await;
    if !database.is_postgres() {
        return;
    }
    let fleet = Fleet::start_over(database, 1, Options::default()).await;
    fleet.send(0, "+12065550120", "before").await;
    let still = fleet.hub.db.read().begin().await.unwrap();
    still.execute_unprepared("UPDATE event_counters SET position = position").await.unwrap();
    fleet.send(0, "+12065550120", "meanwhile").await;
    let error = Error::from(still.execute_unprepared("SELECT 1").await.unwrap_err());
    assert_eq!(error.code, ErrorCode::Unavailable, "{error:?}");
}

/// Hand-overs that somebody has claimed.
async fn held(fleet: &Fleet) -> u64 {
    let claimed = job::Column::Kind.eq("deliver").and(job::Column::LeasedUntil.is_not_null());
    job::Entity::find().filter(claimed).count(fleet.hub.db.read()).await.unwrap()
}

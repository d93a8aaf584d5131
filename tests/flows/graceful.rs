//! SIGTERM under load: calls in flight finish, sockets are told to go, nothing is left in doubt, and the successor does
//! the rest.

use std::time::{Duration, Instant};

use entity::{attempt, enums::AttemptState};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use crate::harness::{Fleet, Follower, Ledger, Load, Subscription, eventually};

/// What orchestrators grant before they kill.
const GRACE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_leaves_nothing_in_doubt() {
    let mut fleet = Fleet::start(1).await;
    fleet.slow_carrier(Duration::from_millis(400)).await;
    let mut followers = [Follower::start(&fleet, 0).await];
    let watch = "subscription { messageReceived { cursor } }";
    let mut socket = Subscription::open(fleet.addresses()[0], &fleet.token, watch, json!({})).await;
    socket.ready().await;
    let load = Load::start(&fleet, 4);
    load.progress(30).await;
    eventually("a call is under way", async || (in_doubt(&fleet).await > 0).then_some(())).await;

    let asked = Instant::now();
    fleet.processes[0].terminate();
    let (code, status) = tokio::join!(socket.close_code(), fleet.processes[0].ended(GRACE));
    println!("stopped within {:?}", asked.elapsed());
    assert_eq!(code, 1001);
    assert!(status.success(), "{status}");
    assert_eq!(in_doubt(&fleet).await, 0);

    fleet.processes[0].spawn_again();
    fleet.processes[0].ready().await;
    load.progress(10).await;
    let told = load.finish().await;
    let ledger = Ledger::close(&fleet, told, &mut followers).await;
    ledger.assert_told();
    assert_eq!(ledger.assert_sent_once(), 0);
    ledger.assert_seen(&followers[0]);
}

/// Attempts whose outcome is not known.
async fn in_doubt(fleet: &Fleet) -> u64 {
    let open = attempt::Column::State.is_in([AttemptState::Started, AttemptState::InDoubt]);
    attempt::Entity::find().filter(open).count(fleet.hub.db.read()).await.unwrap()
}

//! kill -9 under load, at random moments: nothing is lost, nothing is sent twice, nobody was told otherwise, and no
//! subscriber misses or repeats anything. SQLite: one instance; PostgreSQL and Redis: either of two.

use std::time::{Duration, Instant};

use entity::enums::InDoubtPolicy;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::harness::{Fleet, Follower, Ledger, Load, Options, TestDatabase, eventually};

const KILLS: u64 = 8;
const CLIENTS: usize = 3;
/// From a start to the first message at the carrier, typically: a single one may meet a busy machine.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_sent_twice_where_doubt_is_resent() {
    let ledger = killed_again_and_again(InDoubtPolicy::Resend, 1).await;
    assert_eq!(ledger.assert_sent_once(), 0, "the list never lags, so every message is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_twice_and_all_is_reported_where_doubt_is_held() {
    let ledger = killed_again_and_again(InDoubtPolicy::Hold, 2).await;
    let unknown = ledger.assert_sent_once();
    let cut_off = usize::try_from(KILLS).unwrap() * 32;
    assert!(unknown <= cut_off, "only calls that a kill cut off can be in doubt, not {unknown}");
}

async fn killed_again_and_again(policy: InDoubtPolicy, seed: u64) -> Ledger {
    let database = TestDatabase::new().await;
    let instances = if database.is_postgres() { 2 } else { 1 };
    let mut fleet = Fleet::start_over(database, instances, Options::default()).await;
    fleet.set_policy(policy).await;
    // Kills meet calls that the carrier has not taken yet, and calls that it has taken and not answered; the callbacks
    // that would tell of half of these never come.
    fleet.fault(json!({ "fault": "hang", "when": "late", "ms": 200, "chance": 0.5 })).await;
    fleet.slow_carrier(Duration::from_millis(300)).await;
    fleet.fault(json!({ "fault": "drop_callbacks", "chance": 0.5 })).await;
    let mut followers = [Follower::start(&fleet, 0).await, Follower::start(&fleet, instances - 1).await];
    let load = Load::start(&fleet, CLIENTS);
    let mut random = StdRng::seed_from_u64(seed);
    let (mut others, mut recoveries) = (Vec::new(), Vec::new());
    for kill in 0..KILLS {
        load.progress(10).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        let victim = random.random_range(0..instances);
        fleet.processes[victim].kill();
        fleet.processes[victim].spawn_again();
        let begun = Instant::now();
        fleet.processes[victim].ready().await;
        others.push(first_send(&fleet, victim, kill).await);
        recoveries.push(begun.elapsed());
    }
    recoveries.sort_unstable();
    let typical = recoveries[recoveries.len() / 2];
    assert!(typical < RECOVERY, "the first message after a restart was sent after {typical:?}");
    let mut told = load.finish().await;
    for (body, id) in others {
        told.accepted.entry(body).or_default().insert(id);
    }
    assert!(told.unanswered > 0, "no kill met a client");
    let ledger = Ledger::close(&fleet, told, &mut followers).await;
    let (doubts, unanswered) = (Ledger::doubts(&fleet).await, ledger.told.unanswered);
    println!("{} messages, {KILLS} kills, {unanswered} calls unanswered, {doubts} in doubt", ledger.len());
    assert!(doubts > 0, "no kill met a hand-over");
    ledger.assert_told();
    for follower in &followers {
        assert!(follower.openings() > 1, "no kill met this subscriber");
        ledger.assert_seen(follower);
    }
    ledger
}

/// A message of its own after a restart, awaited at the carrier.
async fn first_send(fleet: &Fleet, instance: usize, kill: u64) -> (String, String) {
    let (to, body) = (format!("+120655501{}", 12 + kill), format!("the first one after kill {kill}"));
    let id = fleet.send(instance, &to, &body).await;
    let path = format!("messages?to=%2B{}", &to[1..]);
    eventually("the carrier takes it", async || {
        let taken = fleet.stage(&path).await;
        (!taken["messages"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    (body, id)
}

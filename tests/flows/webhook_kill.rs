//! kill -9 while webhooks go out: at least once, each event under one id. SQLite: one instance; PostgreSQL and Redis:
//! either of two.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use phonehub::base::events;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::harness::{Fleet, Hook, Ledger, Load, Options, Receiver, Reply, TestDatabase};

const KILLS: usize = 5;
const KINDS: [&str; 2] = ["message.status_changed", "conversation.updated"];

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_and_each_keeps_its_id() {
    let database = TestDatabase::new().await;
    let instances = if database.is_postgres() { 2 } else { 1 };
    let mut fleet = Fleet::start_over(database, instances, Options::default()).await;
    let receiver = Receiver::start().await;
    // Some fail once, so that kills meet retries too.
    let mut failed = BTreeSet::new();
    receiver.answer(move |hook| {
        let fails = hook.position() % 7 == 0 && failed.insert(hook.position());
        Reply::Status(if fails { 500 } else { 200 })
    });
    let types = ["MESSAGE_STATUS_CHANGED", "CONVERSATION_UPDATED"];
    let endpoint = fleet.gql(0).endpoint(&receiver.url, &types).await;
    let load = Load::start(&fleet, 3);
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..KILLS {
        let before = receiver.seen().len();
        receiver.until(before + 5).await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        let victim = random.random_range(0..instances);
        fleet.processes[victim].kill();
        fleet.processes[victim].spawn_again();
        fleet.processes[victim].ready().await;
    }
    load.progress(10).await;
    Ledger::close(&fleet, load.finish().await, &mut []).await;
    fleet.stage("idle?timeout_ms=15000").await;
    let logged = everything(&fleet).await;
    let seen = receiver
        .until_seen("every event", |seen| {
            let arrived: BTreeSet<i64> = seen.iter().map(Hook::position).collect();
            logged.iter().all(|position| arrived.contains(position))
        })
        .await;
    let mut ids: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    for hook in &seen {
        assert!(hook.is_signed_with(&endpoint.secret));
        ids.entry(hook.position()).or_default().insert(&hook.id);
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an event has one id");
    assert_eq!(ids.keys().filter(|position| !logged.contains(position)).count(), 0, "nothing is made up");
    println!("{} events, {} requests, {KILLS} kills", logged.len(), seen.len());
}

/// The positions of all events that the endpoint wants.
async fn everything(fleet: &Fleet) -> BTreeSet<i64> {
    let (mut found, mut after) = (BTreeSet::new(), 0);
    loop {
        let page = events::read_after(fleet.hub.db.read(), fleet.organization.id, after).await.unwrap();
        let Some(end) = page.last() else { return found };
        after = end.position;
        let wanted = page.iter().filter(|event| KINDS.contains(&&*event.kind));
        found.extend(wanted.map(|event| event.position));
    }
}

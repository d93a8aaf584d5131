//! The disk under SQLite is full for a while: writes are refused in a way that clients can repeat, reads go on, nothing
//! that was accepted is lost or sent twice, and all goes on by itself when there is room.

use std::time::{Duration, Instant};

use entity::enums::InDoubtPolicy;
use serde_json::json;

use crate::harness::{Fleet, Follower, Ledger, Load, Options, TestDatabase, eventually};

/// From room on the disk to accepted messages; the clients repeat their calls all the time.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let fleet = Fleet::start_over(TestDatabase::on(None).await, 1, Options::default()).await;
    fleet.set_policy(InDoubtPolicy::Resend).await;
    // Hand-overs are under way when the disk fills, so that some answers cannot be stored.
    fleet.slow_carrier(Duration::from_millis(300)).await;
    let mut followers = [Follower::start(&fleet, 0).await];
    let load = Load::start(&fleet, 4);
    load.progress(20).await;
    for _ in 0..3 {
        fleet.processes[0].fill_disk();
        refused(&load, 20).await;
        let accepted = load.accepted();
        assert_it_reads_and_refuses(&fleet).await;
        refused(&load, 20).await;
        assert_eq!(load.accepted(), accepted, "accepted without being stored");
        fleet.processes[0].make_room();
        let begun = Instant::now();
        load.progress(1).await;
        let took = begun.elapsed();
        assert!(took < RECOVERY, "the first message was accepted after {took:?}");
        load.progress(10).await;
    }
    let told = load.finish().await;
    assert_eq!(told.refused.keys().collect::<Vec<_>>(), ["UNAVAILABLE"]);
    assert_eq!(told.unanswered, 0, "every call was answered");
    let ledger = Ledger::close(&fleet, told, &mut followers).await;
    ledger.assert_told();
    assert_eq!(ledger.assert_sent_once(), 0);
    ledger.assert_seen(&followers[0]);
}

/// Waits until so many more calls were told to come again.
async fn refused(load: &Load, more: usize) {
    let wanted = load.refused() + more;
    eventually("calls are refused", async || (load.refused() >= wanted).then_some(())).await;
}

async fn assert_it_reads_and_refuses(fleet: &Fleet) {
    let gql = fleet.gql(0);
    let data = gql.ok("{ messages(first: 5) { nodes { id status } } }", json!({})).await;
    assert_eq!(data["messages"]["nodes"].as_array().unwrap().len(), 5);
    let alive = fleet.http.get(format!("http://{}/healthz", fleet.processes[0].address));
    assert!(alive.send().await.unwrap().status().is_success());
    let mutation = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }";
    let input = json!({ "to": { "phoneNumber": "+12065550112" }, "body": "now", "idempotencyKey": "now" });
    let answer = gql.raw(mutation, json!({ "input": input })).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(
        (&extensions["code"], &extensions["retryAfter"]),
        (&json!("UNAVAILABLE"), &json!(1)),
        "{answer}"
    );
}

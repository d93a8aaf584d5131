//! The pace of a sender: one for all instances, and each slot for the most urgent message that waits for it.

use chrono::{DateTime, Duration, Utc};
use entity::{attempt, job};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::{Gql, Options, Tenant, TestApp, eventually};

const PHONE: &str = "+12065550120";
/// Of a bulk.
const BULK: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_keep_one_pace_for_a_sender() {
    let mut app = TestApp::start().await;
    app.another_instance().await;
    let tenant = app.tenant(json!({ "messagesPerSecond": 2 })).await;
    let calls = (0..8).map(|n| {
        let gql = Gql { url: app.gql_at(n % 2).url, ..tenant.gql.clone() };
        async move { gql.send(PHONE, "Hello", &n.to_string()).await }
    });
    join_all(calls).await;
    let copies = eventually("all are sent", async || {
        let copies = app.copies(PHONE).await;
        (copies.len() == 8).then_some(copies)
    })
    .await;
    let time = |copy: &Value| copy["created"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let (first, last) = (copies.iter().map(time).min().unwrap(), copies.iter().map(time).max().unwrap());
    // The eighth slot is three and a half seconds after the first; each instance alone would have needed half of that.
    assert!(last - first > Duration::milliseconds(2500), "{}", last - first);
}

/// How many messages wait in a line.
async fn waiting(app: &TestApp) -> usize {
    let waiting = job::Entity::find().filter(job::Column::Waiting.eq(true));
    usize::try_from(waiting.count(app.hub().db.read()).await.unwrap()).unwrap()
}

/// Moves the sender's next slot away, so that a test decides when it comes.
async fn hold_the_line(app: &TestApp) {
    let sql = app.hub().db.sql("UPDATE lanes SET next_at = next_at + 3600000000", []);
    let tx = phonehub::base::tx::Tx::begin(app.hub()).await.unwrap();
    tx.execute_raw(sql).await.unwrap();
    tx.commit().await.unwrap();
}

async fn send_bulk(app: &TestApp, tenant: &Tenant) -> Vec<String> {
    let mut sent = Vec::new();
    for chunk in (0..BULK).collect::<Vec<_>>().chunks(10) {
        let calls = chunk.iter().map(|n| {
            let gql = Gql { url: app.gql_at(n % 2).url, ..tenant.gql.clone() };
            async move { gql.send_input(input(&n.to_string(), 50)).await }
        });
        sent.extend(join_all(calls).await);
    }
    sent
}

fn input(body: &str, priority: i32) -> Value {
    json!({ "to": { "phoneNumber": PHONE }, "body": body, "idempotencyKey": body, "priority": priority })
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn average(counts: impl ExactSizeIterator<Item = i64>) -> f64 {
    let number = counts.len() as f64;
    counts.sum::<i64>() as f64 / number
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_message_gets_the_next_slot_before_a_bulk_that_waits() {
    let mut app = TestApp::start().await;
    app.another_instance().await;
    let tenant = app.tenant(json!({ "messagesPerSecond": 1 })).await;
    let mut sent = send_bulk(&app, &tenant).await;
    eventually("each has gone or waits", async || {
        (app.copies(PHONE).await.len() + waiting(&app).await == BULK).then_some(())
    })
    .await;
    hold_the_line(&app).await;
    let gone = eventually("nothing is under way", async || {
        let gone = app.copies(PHONE).await.len();
        (gone + waiting(&app).await == BULK).then_some(gone)
    })
    .await;
    assert!(gone < BULK / 2, "{gone} of the bulk have gone");
    let urgent = Gql { url: app.gql_at(1).url, ..tenant.gql.clone() };
    sent.push(urgent.send_input(input("urgent", 0)).await);
    eventually("it waits too", async || (waiting(&app).await == BULK + 1 - gone).then_some(())).await;
    app.clock.advance(Duration::hours(1));
    let next = eventually("the next slot", async || app.copies(PHONE).await.get(gone).cloned()).await;
    assert_eq!(next["body"], "urgent");

    let some = gone + 10;
    eventually("some more slots", async || {
        app.clock.advance(Duration::seconds(1));
        (app.copies(PHONE).await.len() >= some).then_some(())
    })
    .await;
    // The token counts the claims from 1: one to join the line, one to go, and few more where the server was too busy.
    let waits = job::Entity::find().filter(job::Column::Waiting.eq(true));
    let waits = waits.all(app.hub().db.read()).await.unwrap();
    let claims = average(waits.iter().map(|job| job.lease_token - 1));
    assert!(waits.len() > BULK / 4 && claims < 1.5, "{} wait, each claimed {claims} times", waits.len());
    let attempts = attempt::Entity::find().all(app.hub().db.read()).await.unwrap();
    let claims = average(attempts.iter().map(|attempt| attempt.fence - 1));
    assert!(attempts.len() >= some && claims < 2.5, "{} went, each claimed {claims} times", attempts.len());
    for id in sent {
        tenant.gql.cancel(&id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_bulk_leaves_no_holes() {
    let app = TestApp::start().await;
    let tenant = app.tenant(json!({ "messagesPerSecond": 1 })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let mut bulk = Vec::new();
    for n in 0..60 {
        bulk.push(tenant.gql.send_input(input(&n.to_string(), 50)).await);
    }
    let mut gone = 0;
    for id in bulk {
        gone += usize::from(tenant.gql.cancel(&id).await["message"]["status"] != "CANCELED");
    }
    let last = tenant.gql.send_input(input("last", 50)).await;
    // The slots of the others would have come within a minute.
    statuses.until(&last, "DELIVERED").await;
    assert_eq!(app.copies(PHONE).await.len(), gone + 1);
}

/// The most that went within any second.
fn busiest_second(copies: &[Value]) -> usize {
    let mut times: Vec<DateTime<Utc>> =
        copies.iter().map(|copy| copy["created"].as_str().unwrap().parse().unwrap()).collect();
    times.sort();
    let within = |from: &DateTime<Utc>| {
        times.iter().filter(|at| (*from..*from + Duration::seconds(1)).contains(*at)).count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_carrier_held_up_does_not_go_at_once() {
    const PACE: usize = 4;
    const ALL: usize = 30;
    let settings = vec![("PHONEHUB_WORKERS", "4".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({ "messagesPerSecond": PACE })).await;
    // Three workers wait for two seconds each: slots come more than twice as fast as messages go.
    app.fault(json!({ "fault": "hang", "when": "after", "ms": 2000, "times": 9 })).await;
    for n in 0..ALL {
        tenant.gql.send_input(input(&n.to_string(), 50)).await;
    }
    let copies = eventually("all are sent", async || {
        let copies = app.copies(PHONE).await;
        (copies.len() == ALL).then_some(copies)
    })
    .await;
    let most = busiest_second(&copies);
    assert!(most <= 2 * PACE + 1, "{most} within a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_seen_by_its_operators() {
    let app = TestApp::start().await;
    let tenant = app.tenant(json!({ "messagesPerSecond": 1 })).await;
    let mut bulk = Vec::new();
    for n in 0..10 {
        bulk.push(tenant.gql.send_input(input(&n.to_string(), 50)).await);
    }
    eventually("some wait", async || (waiting(&app).await >= 2).then_some(())).await;
    hold_the_line(&app).await;
    app.clock.advance(Duration::minutes(10));
    eventually("the line and its age", async || {
        let length = app.metric("phonehub_jobs_in_lines").await;
        (length >= 1.0 && app.metric("phonehub_oldest_in_lines_seconds").await >= 600.0).then_some(())
    })
    .await;
    for id in bulk {
        tenant.gql.cancel(&id).await;
    }
    eventually("nobody waits", async || (app.metric("phonehub_jobs_in_lines").await == 0.0).then_some(()))
        .await;
}

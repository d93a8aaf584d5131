//! The carrier may or may not have taken a message: what it took is found and never sent again, what it did not take follows
//! the policy, and nobody is told otherwise.

use std::collections::HashSet;

use entity::job;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::{Options, Tenant, TestApp, eventually, kinds};

/// A carrier that is given up on after a second, and a window that closes soon.
async fn start(window: &str) -> TestApp {
    let settings = vec![
        ("PHONEHUB_CARRIER_TIMEOUT", "1s".to_owned()),
        ("PHONEHUB_IN_DOUBT_WINDOW", window.to_owned()),
        ("PHONEHUB_POLL_AFTER", "1s".to_owned()),
    ];
    TestApp::start_with(Options { settings, ..Options::default() }).await
}

fn phone(n: usize) -> String {
    format!("+12065550{}", 120 + n)
}

/// One message for each fault, each to a phone of its own.
async fn send_under(app: &TestApp, tenant: &Tenant, faults: &[Value]) -> Vec<String> {
    let mut sent = Vec::new();
    for (n, fault) in faults.iter().enumerate() {
        let mut fault = fault.clone();
        fault["match"] = json!({ "to": phone(n) });
        fault["times"] = json!(1);
        app.fault(fault).await;
        sent.push(tenant.gql.send(&phone(n), "Where am I?", &n.to_string()).await);
    }
    sent
}

fn evidence(message: &Value) -> Vec<&str> {
    let entries = message["timeline"].as_array().unwrap().iter();
    entries
        .filter(|entry| entry["kind"] == "EVIDENCE_FOUND")
        .map(|entry| entry["detail"]["source"].as_str().unwrap())
        .collect()
}

/// Every ending after which the carrier has the message and we do not know it.
fn taken_in_silence() -> [Value; 5] {
    [
        json!({ "fault": "reset", "when": "after" }),
        json!({ "fault": "server_error", "when": "after" }),
        json!({ "fault": "hang", "when": "after", "ms": 3000 }),
        json!({ "fault": "hang", "when": "late", "ms": 2000 }),
        json!({ "fault": "garbage" }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_carrier_took_is_found_in_its_list_and_never_sent_again() {
    let app = start("5s").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    for (n, id) in send_under(&app, &tenant, &taken_in_silence()).await.iter().enumerate() {
        statuses.until(id, "DELIVERED").await;
        let message = tenant.gql.message(id).await;
        let copies = app.copies(&phone(n)).await;
        assert_eq!(copies.len(), 1, "{n}: {message}");
        assert_eq!(message["carrierMessageId"], copies[0]["sid"]);
        assert_eq!(evidence(&message), ["list"]);
        assert_eq!(message["attempts"].as_array().unwrap().last().unwrap()["state"], "ACCEPTED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_evidence_before_any_list() {
    let app = start("10m").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let sent = send_under(&app, &tenant, &taken_in_silence()).await;
    for id in &sent {
        statuses.until(id, "DELIVERED").await;
    }
    let delivering = job::Entity::find().filter(job::Column::Kind.eq("deliver"));
    eventually("the workers have stopped waiting for answers", async || {
        delivering.clone().one(app.hub().db.read()).await.unwrap().is_none().then_some(())
    })
    .await;
    for (n, id) in sent.iter().enumerate() {
        // The callback may be faster than the doubt, which then finds that there is none.
        let message = tenant.gql.message(id).await;
        assert!(evidence(&message).iter().all(|source| *source == "callback"), "{n}: {message}");
        assert_eq!(message["attempts"].as_array().unwrap().last().unwrap()["state"], "ACCEPTED", "{n}");
        assert_eq!(app.copies(&phone(n)).await.len(), 1);
    }
    assert_eq!(app.stage("stats", None).await["lists"], 0);
    app.clock.advance(chrono::Duration::minutes(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_carrier_did_not_take_is_sent_once_more_by_policy() {
    let app = start("1s").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let faults = [
        json!({ "fault": "reset", "when": "before" }),
        json!({ "fault": "server_error", "when": "before", "status": 503 }),
        json!({ "fault": "hang", "when": "before", "ms": 3000 }),
    ];
    for (n, id) in send_under(&app, &tenant, &faults).await.iter().enumerate() {
        statuses.until(id, "DELIVERED").await;
        let message = tenant.gql.message(id).await;
        let states: Vec<_> =
            message["attempts"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["ABANDONED", "ACCEPTED"], "{n}");
        assert!(kinds(&message).contains(&"RESENT"));
        assert_eq!(app.copies(&phone(n)).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_held_reported_and_resolved_by_a_person() {
    let app = start("1s").await;
    let tenant = app.tenant(json!({})).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let faults = vec![json!({ "fault": "server_error", "when": "before" }); 3];
    let sent = send_under(&app, &tenant, &faults).await;
    for (id, (resolution, status)) in
        sent.iter().zip([("SENT", "SENT"), ("FAILED", "FAILED"), ("RESEND", "UNKNOWN")])
    {
        statuses.until(id, "UNKNOWN").await;
        let payload = tenant.gql.resolve(id, resolution).await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["message"]["status"], status);
    }
    statuses.until(&sent[2], "DELIVERED").await;
    for (n, id) in sent.iter().enumerate() {
        let message = tenant.gql.message(id).await;
        let kinds = kinds(&message);
        assert!(kinds.contains(&"HELD") && kinds.contains(&"RESOLVED"), "{kinds:?}");
        assert_eq!(app.copies(&phone(n)).await.len(), usize::from(n == 2));
        let again = tenant.gql.resolve(id, "RESEND").await;
        assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lags_or_fails_for_less_than_the_window_costs_nothing() {
    let app = start("6s").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    app.fault(json!({ "fault": "list_lag", "ms": 2500 })).await;
    app.fault(json!({ "fault": "server_error", "when": "before", "on": "list", "times": 2 })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    for (n, id) in send_under(&app, &tenant, &taken_in_silence()[..2]).await.iter().enumerate() {
        statuses.until(id, "DELIVERED").await;
        assert_eq!(app.copies(&phone(n)).await.len(), 1);
        assert!(!kinds(&tenant.gql.message(id).await).contains(&"RESENT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lags_longer_is_reported_and_a_late_receipt_overrides_a_person() {
    let app = start("1s").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "HOLD" })).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    app.fault(json!({ "fault": "list_lag", "ms": 3_600_000 })).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let sent = send_under(&app, &tenant, &taken_in_silence()[..2]).await;
    for (n, id) in sent.iter().enumerate() {
        statuses.until(id, "UNKNOWN").await;
        assert_eq!(tenant.gql.resolve(id, "FAILED").await["message"]["status"], "FAILED");
        let copy = app.copies(&phone(n)).await.pop().unwrap();
        for (word, status) in [("sent", "SENT"), ("delivered", "DELIVERED")] {
            assert_eq!(callback(&app, &tenant, &copy, word).await, 204);
            statuses.until(id, status).await;
        }
        let message = tenant.gql.message(id).await;
        assert_eq!((&message["status"], &message["errorMessage"]), (&json!("DELIVERED"), &Value::Null));
        assert_eq!(evidence(&message), ["callback"]);
        assert_eq!(app.copies(&phone(n)).await.len(), 1);
    }
}

/// The carrier's receipt for a copy that it never told us of.
async fn callback(app: &TestApp, tenant: &Tenant, copy: &Value, word: &str) -> u16 {
    let text = |name: &str| copy[name].as_str().unwrap();
    let params = [
        ("AccountSid", tenant.account.as_str()),
        ("MessageSid", text("sid")),
        ("MessageStatus", word),
        ("To", text("to")),
        ("From", text("from")),
    ];
    app.webhook(text("status_callback"), &params, &tenant.auth_token).await.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_in_doubt_several_times_finds_as_many_copies() {
    let app = start("5s").await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    app.fault(json!({ "fault": "reset", "when": "after", "times": 4 })).await;
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(tenant.gql.send(&phone(0), "The very same", &n.to_string()).await);
    }
    let mut claimed = HashSet::new();
    for id in &sent {
        let sid = eventually("a copy for each", async || {
            tenant.gql.message(id).await["carrierMessageId"].as_str().map(str::to_owned)
        })
        .await;
        assert!(claimed.insert(sid), "claimed twice");
    }
    let copies = app.copies(&phone(0)).await;
    let taken: HashSet<_> = copies.iter().map(|copy| copy["sid"].as_str().unwrap().to_owned()).collect();
    assert_eq!((copies.len(), taken), (4, claimed));
}

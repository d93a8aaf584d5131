//! Receipts that come twice, in the wrong order, too early or never: every message ends where the carrier has it, told once a
//! status, with every receipt kept.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{Options, TestApp, eventually, kinds};

/// The statuses in the order in which they can follow each other.
const RANKS: [&str; 6] = ["QUEUED", "SENDING", "SENT", "FAILED", "UNDELIVERED", "DELIVERED"];

fn phone(n: usize) -> String {
    format!("+12065550{}", 120 + n)
}

fn only_rise(statuses: &[String]) -> bool {
    statuses.is_sorted_by_key(|status| RANKS.iter().position(|rank| rank == status).unwrap())
        && statuses.windows(2).all(|pair| pair[0] != pair[1])
}

fn receipts(message: &Value) -> Vec<&str> {
    let entries = message["timeline"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "RECEIPT");
    entries.map(|entry| entry["detail"]["carrierStatus"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicated_reordered_and_early_receipts_converge_and_all_are_kept() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let duplicated = json!({ "fault": "duplicate_callbacks", "copies": 2 });
    let reordered = json!({ "fault": "reorder_callbacks" });
    let early = json!({ "fault": "early_callback" });
    let scripts: [&[&Value]; 4] =
        [&[&duplicated], &[&reordered], &[&early], &[&duplicated, &reordered, &early]];
    let mut sent = Vec::new();
    for (n, script) in scripts.iter().enumerate() {
        for fault in *script {
            let mut fault = (*fault).clone();
            fault["match"] = json!({ "to": phone(n) });
            app.fault(fault).await;
        }
        sent.push(app.send(&phone(n), "Hello", &n.to_string()).await);
    }
    for id in &sent {
        statuses.until(id, "DELIVERED").await;
    }
    app.quiet().await;
    for ((n, id), copies) in sent.iter().enumerate().zip([3, 1, 1, 3]) {
        assert!(only_rise(statuses.of(id)), "{n}: {:?}", statuses.of(id));
        let message = app.gql().message(id).await;
        assert_eq!(
            (&message["status"], &message["carrierStatus"]),
            (&json!("DELIVERED"), &json!("delivered"))
        );
        let kept = receipts(&message);
        for word in ["sent", "delivered"] {
            assert_eq!(kept.iter().filter(|kept| **kept == word).count(), copies, "{n}: {kept:?}");
        }
        assert_eq!(message["attempts"].as_array().unwrap().len(), 1);
        assert_eq!(app.copies(&phone(n)).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_carries_its_code_and_what_it_means() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    for (to, code, status) in [
        ("+12065550101", 30003, "UNDELIVERED"),
        ("+12065550102", 30008, "FAILED"),
        ("+12065550110", 30007, "UNDELIVERED"),
    ] {
        let id = app.send(to, "Hello", to).await;
        statuses.until(&id, status).await;
        let message = app.gql().message(&id).await;
        assert_eq!(message["errorCode"], code);
        let words = message["errorExplanation"].as_str().unwrap();
        assert!(words.len() > 10 && !words.contains(&code.to_string()), "{words}");
        assert!(message["failedAt"].is_string());
        let last = message["timeline"].as_array().unwrap().iter().rfind(|entry| entry["kind"] == "RECEIPT");
        assert_eq!(last.unwrap()["detail"]["errorCode"], code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_are_lost_are_asked_for() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    app.fault(json!({ "match": { "to": phone(0) }, "fault": "drop_callbacks" })).await;
    app.fault(json!({ "match": { "to": phone(1) }, "fault": "drop_callbacks", "statuses": ["delivered"] }))
        .await;
    let silent = app.send(&phone(0), "Hello", "silent").await;
    let half = app.send(&phone(1), "Hello", "half").await;
    statuses.until(&half, "SENT").await;
    statuses.until(&silent, "SENDING").await;
    let handed_over =
        async || kinds(&app.gql().message(&silent).await).contains(&"CARRIER_ACCEPTED").then_some(());
    eventually("the carrier's answer", handed_over).await;
    app.quiet().await;
    assert_eq!(statuses.of(&silent).last().map(String::as_str), Some("SENDING"));
    app.clock.advance(Duration::minutes(6));
    for id in [&silent, &half] {
        statuses.until(id, "DELIVERED").await;
        let message = app.gql().message(id).await;
        assert!(kinds(&message).contains(&"POLLED"), "{message}");
        assert!(only_rise(statuses.of(id)));
    }
    assert_eq!(receipts(&app.gql().message(&silent).await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exact_price_appears_when_the_carrier_knows_it() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let mut facts = app
        .subscribe("subscription { events(types: [MESSAGE_UPDATED]) { node { subject } } }", json!({}))
        .await;
    facts.ready().await;
    // 161 characters of the GSM alphabet are two segments, at 0.00790 dollars each.
    let id = app.send(&phone(0), &"a".repeat(161), "two").await;
    statuses.until(&id, "DELIVERED").await;
    app.quiet().await;
    assert_eq!(app.gql().message(&id).await["price"], Value::Null);
    app.clock.advance(Duration::seconds(61));
    while app.gql().message(&id).await["price"].is_null() {
        while facts.next().await["events"]["node"]["subject"] != json!(id) {}
    }
    let message = app.gql().message(&id).await;
    assert_eq!(message["price"], json!({ "amount": "0.015800", "currency": "USD" }), "{message}");
    assert_eq!(message["segments"], 2);
    assert!(kinds(&message).contains(&"PRICED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_nobodys_message_is_kept_and_harms_none() {
    let settings = vec![("PHONEHUB_POLL_AFTER", "1s".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({})).await;
    let mut statuses = app.watch(&tenant.gql).await;
    let id = tenant.gql.send(&phone(0), "Hello", "first").await;
    statuses.until(&id, "DELIVERED").await;
    let copy = app.copies(&phone(0)).await.pop().unwrap();
    let url = copy["status_callback"].as_str().unwrap();
    let (head, _) = url.rsplit_once('/').unwrap();
    let elsewhere = format!("{head}/att_0000000000000000000000");
    for (url, sid) in
        [(elsewhere.as_str(), "SM00000000000000000000000000000000"), (url, copy["sid"].as_str().unwrap())]
    {
        let params =
            [("AccountSid", tenant.account.as_str()), ("MessageSid", sid), ("MessageStatus", "queued")];
        assert_eq!(app.webhook(url, &params, &tenant.auth_token).await.status().as_u16(), 204);
    }
    let message = tenant.gql.message(&id).await;
    assert_eq!((&message["status"], &message["carrierStatus"]), (&json!("DELIVERED"), &json!("delivered")));
}

//! The carrier says no, or cannot be reached: what is definite is retried or failed by its class, and one account's trouble is
//! no other's.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::harness::{Line, Options, TestApp, eventually, kinds};

const OPT_OUTS: &str = "query($number: PhoneNumber) { optOuts(first: 10, filter: { phoneNumber: $number }) { \
     nodes { scope source } } }";
const PHONE: &str = "+12065550121";

fn states(message: &Value) -> Vec<&str> {
    message["attempts"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect()
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_repetition_can_mend_fails_at_once_and_in_words() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    for (to, code) in [("+12065550103", 21211), ("+12065550111", 21614)] {
        let id = app.send(to, "Hello", to).await;
        statuses.until(&id, "FAILED").await;
        let message = app.gql().message(&id).await;
        assert_eq!(message["errorCode"], code);
        assert!(message["errorExplanation"].as_str().is_some_and(|words| words.len() > 10), "{message}");
        assert_eq!(states(&message), ["REFUSED"]);
        assert!(kinds(&message).contains(&"CARRIER_REFUSED"));
        assert_eq!((app.requests(to).await, app.copies(to).await.len()), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_carriers_own_opt_out_list_is_believed() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let to = "+12065550109";
    let id = app.send(to, "Hello", "first").await;
    statuses.until(&id, "FAILED").await;
    assert_eq!(app.gql().message(&id).await["errorCode"], 21610);
    let known = app.gql().ok(OPT_OUTS, json!({ "number": to })).await;
    let known = known["optOuts"]["nodes"].as_array().unwrap();
    assert!(!known.is_empty() && known.iter().all(|one| one["source"] == "CARRIER"), "{known:?}");
    let again = json!({ "to": { "phoneNumber": to }, "body": "Hello?", "idempotencyKey": "second" });
    assert_eq!(app.gql().try_send(again).await["userErrors"][0]["code"], "OPTED_OUT");
    assert_eq!(app.requests(to).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_wait_as_long_as_the_carrier_asks() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    app.fault(json!({ "fault": "rate_limit", "retry_after": 120, "times": 1 })).await;
    let id = app.send(PHONE, "Hello", "first").await;
    let waiting = eventually("a plan to try again", async || {
        let message = app.gql().message(&id).await;
        kinds(&message).contains(&"RETRY_SCHEDULED").then_some(message)
    })
    .await;
    let planned = waiting["timeline"].as_array().unwrap().iter().find(|one| one["kind"] == "RETRY_SCHEDULED");
    let planned = planned.unwrap();
    let wait = time(&planned["detail"]["at"]) - time(&planned["at"]);
    assert!((Duration::seconds(119)..Duration::seconds(133)).contains(&wait), "{wait}");
    app.clock.advance(Duration::seconds(60));
    assert_eq!(app.requests(PHONE).await, 1);
    app.clock.advance(Duration::seconds(80));
    statuses.until(&id, "DELIVERED").await;
    assert_eq!(states(&app.gql().message(&id).await), ["REFUSED", "ACCEPTED"]);
    assert_eq!(app.copies(PHONE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_carrier_refused_can_be_withdrawn_before_the_next_try() {
    let app = TestApp::start().await;
    app.fault(json!({ "fault": "rate_limit", "retry_after": 3600, "times": 1 })).await;
    let id = app.send(PHONE, "Hello", "first").await;
    eventually("a plan to try again", async || {
        kinds(&app.gql().message(&id).await).contains(&"RETRY_SCHEDULED").then_some(())
    })
    .await;
    for _ in 0..2 {
        let payload = app.gql().cancel(&id).await;
        assert_eq!(payload, json!({ "message": { "status": "CANCELED" }, "userErrors": [] }));
    }
    let mut statuses = app.watch(&app.gql()).await;
    app.clock.advance(Duration::hours(2));
    let later = app.send(PHONE, "Hello again", "second").await;
    statuses.until(&later, "DELIVERED").await;
    let message = app.gql().message(&id).await;
    assert_eq!((message["status"].as_str(), states(&message)), (Some("CANCELED"), vec!["REFUSED"]));
    assert!(kinds(&message).contains(&"CANCELED"));
    assert_eq!((app.requests(PHONE).await, app.copies(PHONE).await.len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_carrier_may_have_cannot_be_withdrawn() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    app.fault(json!({ "fault": "hang", "when": "late", "ms": 1000, "times": 1 })).await;
    let id = app.send(PHONE, "Hello", "first").await;
    eventually("the carrier is asked", async || (app.requests(PHONE).await == 1).then_some(())).await;
    let payload = app.gql().cancel(&id).await;
    assert_eq!(payload["userErrors"][0]["code"], "NOT_CANCELABLE");
    statuses.until(&id, "DELIVERED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_line_is_definite_its_breaker_opens_and_others_go_on() {
    let mut line = Line::dead();
    // Only what the environment names is taken before the carrier could be asked.
    let settings = vec![("TWILIO_BASE_URL", line.url())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let cut_off = app.gql();
    let healthy = app.tenant(json!({})).await;
    let mut statuses = app.watch(&cut_off).await;
    let mut others = app.watch(&healthy.gql).await;
    let mut sent = Vec::new();
    for n in 0..8 {
        sent.push(cut_off.send(PHONE, "Hello", &n.to_string()).await);
    }
    eventually("the account is left alone", async || {
        app.clock.advance(Duration::seconds(10));
        let mut refusals = Vec::new();
        for id in &sent {
            let message = cut_off.message(id).await;
            assert!(
                states(&message).iter().all(|state| matches!(*state, "STARTED" | "REFUSED")),
                "{message}"
            );
            refusals.push(message["attempts"].to_string());
        }
        refusals.iter().any(|text| text.contains("left alone")).then_some(())
    })
    .await;
    let id = healthy.gql.send("+12065550122", "Hello", "first").await;
    others.until(&id, "DELIVERED").await;
    assert_eq!(states(&healthy.gql.message(&id).await), ["ACCEPTED"]);

    line.mend(app.sandbox.addr());
    eventually("all are delivered", async || {
        app.clock.advance(Duration::minutes(1));
        (app.copies(PHONE).await.len() == sent.len()).then_some(())
    })
    .await;
    for id in &sent {
        statuses.until(id, "DELIVERED").await;
    }
    assert_eq!(app.copies(PHONE).await.len(), sent.len());
}

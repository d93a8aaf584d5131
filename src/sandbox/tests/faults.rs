//! Every scripted fault does what it says, to the requests it is meant for, as often as it is meant.

use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Account, Answer, OTHER, OURS, PHONE, Receiver, Settings, Stage, account, settings};

const FORM: &[(&str, &str)] = &[("To", PHONE), ("From", OURS), ("Body", "see https://example.com/long")];

async fn attempt(stage: &Stage) -> reqwest::Result<Answer> {
    stage.post(&stage.api("/Messages.json"), FORM).await
}

async fn taken(stage: &Stage) -> usize {
    stage.messages().await.len()
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn refusals_name_their_code_and_run_out() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "refuse", "code": 21408, "times": 2 })).await;
    stage.fault(json!({ "fault": "rate_limit", "retry_after": 7, "times": 1 })).await;
    for _ in 0..2 {
        let answer = attempt(&stage).await.expect("an answer");
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(21408)));
    }
    let limited = attempt(&stage).await.expect("an answer");
    assert_eq!(
        (limited.status, &limited.body["code"], &limited.headers["Retry-After"]),
        (429, &json!(20429), &"7".parse().expect("a value"))
    );
    assert_eq!(taken(&stage).await, 0);
    assert_eq!(attempt(&stage).await.expect("an answer").status, 201);
    let rules = stage.get(&stage.url("/sandbox/faults")).await.body;
    assert_eq!((&rules["faults"][0]["struck"], &rules["faults"][1]["struck"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn server_errors_before_and_after_taking() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "server_error", "when": "before", "status": 503, "times": 1 })).await;
    let answer = attempt(&stage).await.expect("an answer");
    assert_eq!((answer.status, &answer.body["code"], taken(&stage).await), (503, &json!(20503), 0));
    stage.fault(json!({ "fault": "server_error", "when": "after", "times": 1 })).await;
    let answer = attempt(&stage).await.expect("an answer");
    assert_eq!((answer.status, &answer.body["code"], taken(&stage).await), (500, &json!(20500), 1));
}

#[tokio::test]
async fn resets_before_and_after_taking() {
    let stage = Stage::new().await;
    for (when, messages) in [("before", 0), ("after", 1)] {
        stage.fault(json!({ "fault": "reset", "when": when, "times": 1 })).await;
        let error = attempt(&stage).await.err().expect("a reset");
        assert!(is_reset(&error), "{error:?}");
        assert_eq!(taken(&stage).await, messages, "{when}");
    }
    assert_eq!(attempt(&stage).await.expect("an answer").status, 201);
}

#[tokio::test]
async fn a_hang_before_takes_nothing() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "hang", "when": "before", "ms": 60, "times": 1 })).await;
    let started = Instant::now();
    assert_eq!(attempt(&stage).await.expect("an answer").status, 503);
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert_eq!(taken(&stage).await, 0);
}

/// A create request that nobody waits for.
fn forgotten(stage: &Stage, callback: &str) -> JoinHandle<reqwest::Result<reqwest::Response>> {
    let request = stage.http.post(stage.api("/Messages.json")).basic_auth(super::ACCOUNT, Some(super::TOKEN));
    let form = [("To", PHONE), ("From", OURS), ("Body", "x"), ("StatusCallback", callback)];
    tokio::spawn(request.form(&form).send())
}

#[tokio::test]
async fn a_hang_after_takes_at_once() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    stage.fault(json!({ "fault": "hang", "when": "after", "ms": 3_600_000 })).await;
    let request = forgotten(&stage, &receiver.url("/status"));
    assert_eq!(receiver.next().await.get("MessageStatus"), "sent");
    assert!(!request.is_finished());
    request.abort();
}

#[tokio::test]
async fn a_late_request_is_taken_although_the_client_has_gone() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    stage.fault(json!({ "fault": "hang", "when": "late", "ms": 300 })).await;
    let request = forgotten(&stage, &receiver.url("/status"));
    while stage.get(&stage.url("/sandbox/faults")).await.body["faults"][0]["struck"] != 1 {}
    request.abort();
    assert_eq!(receiver.next().await.get("MessageStatus"), "sent");
}

#[tokio::test]
async fn garbage_hides_a_message_that_was_taken() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "garbage", "times": 1 })).await;
    let answer = attempt(&stage).await.expect("an answer");
    assert_eq!((answer.status, &answer.body, taken(&stage).await), (201, &Value::Null, 1));
    assert!(answer.text.starts_with("<html>"));
}

#[tokio::test]
async fn a_lagging_list_does_not_show_what_was_taken() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "list_lag", "ms": 3_600_000, "match": { "to": PHONE }, "times": 1 })).await;
    let hidden = attempt(&stage).await.expect("an answer").body;
    let shown = attempt(&stage).await.expect("an answer").body;
    let list = stage.get(&stage.api("/Messages.json")).await.body;
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["messages"][0]["sid"], shown["sid"]);
    assert_eq!(stage.fetch(hidden["sid"].as_str().expect("a SID")).await["sid"], hidden["sid"]);

    stage.control("/sandbox/reset", Value::Null).await;
    stage.fault(json!({ "fault": "list_lag", "ms": 0 })).await;
    attempt(&stage).await.expect("an answer");
    let list = stage.get(&stage.api("/Messages.json")).await.body;
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(1));
}

/// Sends one message under a rule; answers the statuses that were called back, in order of arrival.
async fn callbacks_under(rule: Value) -> Vec<String> {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    stage.fault(rule).await;
    let url = receiver.url("/status");
    stage.create(&[("To", PHONE), ("From", OURS), ("Body", "x"), ("StatusCallback", &url)]).await;
    stage.idle().await;
    receiver.rest().iter().map(|hit| hit.get("MessageStatus").to_owned()).collect()
}

#[tokio::test]
async fn callbacks_are_duplicated_reordered_and_dropped() {
    let twice = callbacks_under(json!({ "fault": "duplicate_callbacks" })).await;
    assert_eq!(twice, ["sent", "sent", "delivered", "delivered"]);
    assert_eq!(callbacks_under(json!({ "fault": "reorder_callbacks" })).await, ["delivered", "sent"]);
    assert_eq!(callbacks_under(json!({ "fault": "drop_callbacks" })).await, Vec::<String>::new());
    let one = json!({ "fault": "drop_callbacks", "statuses": ["delivered"] });
    assert_eq!(callbacks_under(one).await, ["sent"]);
}

#[tokio::test]
async fn an_early_callback_comes_before_the_answer() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    stage.fault(json!({ "fault": "early_callback" })).await;
    let url = receiver.url("/status");
    let answer =
        stage.create(&[("To", PHONE), ("From", OURS), ("Body", "x"), ("StatusCallback", &url)]).await;
    let hits = receiver.rest();
    assert_eq!(hits[0].get("MessageStatus"), "sent");
    assert_eq!(
        (&answer.body["sid"], &answer.body["status"]),
        (&json!(hits[0].get("MessageSid")), &json!("queued"))
    );
}

#[tokio::test]
async fn an_inbound_text_comes_twice() {
    let mut receiver = Receiver::silent().await;
    let mut account: Account = account();
    account.numbers[0].sms_url = Some(receiver.url("/sms"));
    let stage = Stage::with(Settings { accounts: vec![account], ..settings() }).await;
    stage.fault(json!({ "fault": "duplicate_inbound", "match": { "from": PHONE }, "times": 1 })).await;
    for body in ["twice", "once"] {
        stage.control("/sandbox/say", json!({ "from": PHONE, "to": OURS, "body": body })).await;
    }
    let hits = receiver.rest();
    let bodies: Vec<_> = hits.iter().map(|hit| hit.get("Body")).collect();
    assert_eq!(bodies, ["twice", "twice", "once"]);
    assert_eq!(hits[0].get("MessageSid"), hits[1].get("MessageSid"));
}

#[tokio::test]
async fn links_are_shortened() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "alter_body" })).await;
    let body = attempt(&stage).await.expect("an answer").body["body"].as_str().expect("a body").to_owned();
    assert!(body.starts_with("see https://twil.example/") && body != FORM[2].1, "{body}");
    assert_eq!(stage.messages().await[0]["given_body"], FORM[2].1);
}

#[tokio::test]
async fn a_rule_strikes_only_where_it_matches() {
    let stage = Stage::new().await;
    stage.fault(json!({ "fault": "refuse", "code": 1, "match": { "from": OTHER } })).await;
    stage.fault(json!({ "fault": "refuse", "code": 2, "match": { "to": "+12065550151" } })).await;
    stage
        .fault(json!({ "fault": "refuse", "code": 3, "account": "AC00000000000000000000000000000000" }))
        .await;
    stage.fault(json!({ "fault": "refuse", "code": 4, "chance": 0.0 })).await;
    stage.fault(json!({ "fault": "server_error", "when": "before", "on": "list" })).await;
    assert_eq!(attempt(&stage).await.expect("an answer").status, 201);
    let other = stage.create(&[("To", PHONE), ("From", OTHER), ("Body", "x")]).await;
    assert_eq!(other.body["code"], 1);
    assert_eq!(stage.create(&[("To", "+12065550151"), ("From", OURS), ("Body", "x")]).await.body["code"], 2);
    assert_eq!(stage.get(&stage.api("/Messages.json")).await.status, 500);
    let cleared = stage.http.delete(stage.url("/sandbox/faults")).send().await.expect("an answer");
    assert_eq!(cleared.status(), 204);
    assert_eq!(stage.get(&stage.api("/Messages.json")).await.status, 200);
}

#[tokio::test]
async fn a_misspelt_rule_is_refused() {
    let stage = Stage::new().await;
    for rule in [
        json!({ "fault": "refuse" }),
        json!({ "fault": "explode" }),
        json!({ "fault": "garbage", "time": 1 }),
        json!({ "fault": "hang", "when": "sometimes", "ms": 1 }),
        json!({ "fault": "garbage", "match": { "recipient": PHONE } }),
    ] {
        let answer = stage.control("/sandbox/faults", rule.clone()).await;
        assert_eq!(answer.status, 422, "{rule}");
    }
}

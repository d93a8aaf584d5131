//! What becomes of accepted messages: outcomes, callbacks, prices, cancel, redact, delete.

use std::time::Duration;

use serde_json::{Value, json};

use super::{OTHER, OURS, PHONE, Receiver, SERVICE, Settings, Stage, TOKEN, settings};
use crate::sandbox::{Outcome, TEST_NUMBERS, Timing};

async fn send_with_callback(stage: &Stage, to: &str, callback: &str) -> String {
    let form = [("To", to), ("From", OURS), ("Body", "hello"), ("StatusCallback", callback)];
    stage.create(&form).await.body["sid"].as_str().expect("a SID").to_owned()
}

#[tokio::test]
async fn every_test_number_keeps_its_promise() {
    let stage = Stage::new().await;
    for number in TEST_NUMBERS {
        let form = [("To", number.phone_number), ("From", OURS), ("Body", "hello")];
        let answer = stage.create(&form).await;
        let (status, code) = match number.outcome {
            Outcome::Refused(code) => {
                assert_eq!(answer.body["code"], json!(code), "{}", number.meaning);
                continue;
            }
            Outcome::Delivered | Outcome::Slow | Outcome::Echo => ("delivered", Value::Null),
            Outcome::Undelivered(code) => ("undelivered", json!(code)),
            Outcome::Failed(code) => ("failed", json!(code)),
            Outcome::NoReceipt => ("sent", Value::Null),
            Outcome::Stuck => ("queued", Value::Null),
        };
        stage.idle().await;
        let message = stage.fetch(answer.body["sid"].as_str().expect("a SID")).await;
        assert_eq!(
            (&message["status"], &message["error_code"]),
            (&json!(status), &code),
            "{}",
            number.meaning
        );
        assert_eq!(message["error_message"].is_null(), code.is_null());
        assert_eq!(message["price"].is_null(), matches!(status, "failed" | "queued"));
    }
}

#[tokio::test]
async fn callbacks_follow_the_first_status_in_order() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    let sid = send_with_callback(&stage, PHONE, &receiver.url("/status?attempt=7&x=a%20b")).await;
    for status in ["sent", "delivered"] {
        let hit = receiver.next().await;
        assert_eq!(hit.path, "/status?attempt=7&x=a%20b");
        for (name, value) in
            [("MessageStatus", status), ("SmsStatus", status), ("MessageSid", &sid), ("SmsSid", &sid)]
        {
            assert_eq!(hit.get(name), value, "{name}");
        }
        assert_eq!((hit.get("To"), hit.get("From"), hit.get("ApiVersion")), (PHONE, OURS, "2010-04-01"));
        assert_eq!(hit.get("RawDlrDoneDate").len(), if status == "delivered" { 10 } else { 0 });
        assert!(hit.params.get("ErrorCode").is_none());
    }
    stage.idle().await;
    assert_eq!(receiver.rest().len(), 0);
    let kept = &stage.messages().await[0];
    assert_eq!(kept["callbacks"][1]["attempts"][0]["status"], 204);
    assert_eq!(stage.stats().await["callbacks"]["succeeded"], 2);
}

#[tokio::test]
async fn a_service_tells_when_it_has_queued() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    let url = receiver.url("/status");
    let form = [("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "x"), ("StatusCallback", &url)];
    stage.create(&form).await;
    for status in ["queued", "sent", "delivered"] {
        let hit = receiver.next().await;
        assert_eq!((hit.get("MessageStatus"), hit.get("From")), (status, OTHER));
        assert_eq!(hit.get("MessagingServiceSid"), SERVICE);
    }
}

#[tokio::test]
async fn a_failure_tells_its_code() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    send_with_callback(&stage, "+12065550102", &receiver.url("/status")).await;
    let hit = receiver.next().await;
    assert_eq!((hit.get("MessageStatus"), hit.get("ErrorCode")), ("failed", "30008"));
    send_with_callback(&stage, "+12065550101", &receiver.url("/status")).await;
    assert_eq!(receiver.next().await.get("MessageStatus"), "sent");
    let hit = receiver.next().await;
    assert_eq!((hit.get("MessageStatus"), hit.get("ErrorCode")), ("undelivered", "30003"));
}

#[tokio::test]
async fn the_price_comes_later_and_counts_segments() {
    let stage = Stage::new().await;
    for (body, price) in
        [("hello".to_owned(), "-0.00790"), ("x".repeat(161), "-0.01580"), ("é€".repeat(900), "")]
    {
        let answer = stage.create(&[("To", PHONE), ("From", OURS), ("Body", &body)]).await;
        if price.is_empty() {
            assert_eq!(answer.body["code"], 21617);
            continue;
        }
        assert_eq!(answer.body["price"], Value::Null);
        stage.idle().await;
        let message = stage.fetch(answer.body["sid"].as_str().expect("a SID")).await;
        assert_eq!((&message["price"], &message["price_unit"]), (&json!(price), &json!("USD")));
    }
}

/// A scheduled message that waits for its time.
async fn scheduled(stage: &Stage, callback: &str) -> String {
    let at = (crate::sandbox::clock::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let form = [
        ("To", PHONE),
        ("MessagingServiceSid", SERVICE),
        ("Body", "later"),
        ("ScheduleType", "fixed"),
        ("SendAt", &at),
        ("StatusCallback", callback),
    ];
    let answer = stage.create(&form).await;
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("scheduled")), "{}", answer.body);
    answer.body["sid"].as_str().expect("a SID").to_owned()
}

#[tokio::test]
async fn a_scheduled_message_can_be_canceled_once() {
    let stage = Stage::new().await;
    let mut receiver = Receiver::silent().await;
    let sid = scheduled(&stage, &receiver.url("/status")).await;
    let url = stage.api(&format!("/Messages/{sid}.json"));
    let canceled = stage.post(&url, &[("Status", "canceled")]).await.expect("an answer");
    assert_eq!((canceled.status, &canceled.body["status"]), (200, &json!("canceled")));
    assert_eq!(receiver.next().await.get("MessageStatus"), "canceled");
    // Its task has ended, so nothing is left that could send it.
    stage.idle().await;
    let again = stage.post(&url, &[("Status", "canceled")]).await.expect("an answer");
    assert_eq!((again.status, &again.body["code"]), (409, &json!(20409)));
}

#[tokio::test]
async fn only_a_settled_message_is_redacted_or_deleted() {
    let stage = Stage::new().await;
    let waiting = stage.api(&format!("/Messages/{}.json", stage.send("+12065550107", "secret").await));
    let refused = stage.post(&waiting, &[("Body", "")]).await.expect("an answer");
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!(20009)));
    let delete = |url: &str| stage.http.delete(url).basic_auth(super::ACCOUNT, Some(TOKEN)).send();
    assert_eq!(delete(&waiting).await.expect("an answer").status(), 409);

    let settled = stage.api(&format!("/Messages/{}.json", stage.send(PHONE, "secret").await));
    stage.idle().await;
    let changed = stage.post(&settled, &[("Body", "other")]).await.expect("an answer");
    assert_eq!((changed.status, &changed.body["code"]), (400, &json!(20001)));
    let redacted = stage.post(&settled, &[("Body", "")]).await.expect("an answer");
    assert_eq!((redacted.status, &redacted.body["body"]), (200, &json!("")));
    let deleted = delete(&settled).await.expect("an answer");
    assert_eq!((deleted.status().as_u16(), deleted.content_length().unwrap_or(0)), (204, 0));
    assert_eq!(stage.get(&settled).await.status, 404);
}

#[tokio::test]
async fn the_inbox_holds_what_arrived() {
    let stage = Stage::new().await;
    stage.send(PHONE, "one").await;
    stage.idle().await;
    stage.send(PHONE, "two").await;
    stage.send("+12065550102", "lost").await;
    stage.idle().await;
    let inbox = stage.get(&stage.url(&format!("/sandbox/phones/{PHONE}/inbox"))).await.body;
    let bodies: Vec<_> =
        inbox["inbox"].as_array().expect("a list").iter().map(|text| &text["body"]).collect();
    assert_eq!(bodies, ["one", "two"]);
    let lost = stage.get(&stage.url("/sandbox/phones/+12065550102/inbox")).await.body;
    assert_eq!(lost["inbox"], json!([]));
}

#[tokio::test]
async fn an_hour_of_patience_changes_nothing_before_its_time() {
    let timing = Timing { queued_to_sent: Duration::from_hours(1), ..Timing::instant() };
    let stage = Stage::with(Settings { timing, ..settings() }).await;
    let sid = stage.send(PHONE, "hello").await;
    assert_eq!(stage.fetch(&sid).await["status"], "queued");
    let busy = stage.get(&stage.url("/sandbox/idle?timeout_ms=1")).await;
    assert_eq!((busy.status, &busy.body["tasks"]), (408, &json!(1)));
    stage.control("/sandbox/reset", Value::Null).await;
    stage.idle().await;
    assert_eq!(stage.messages().await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_oldest_messages_are_forgotten() {
    let stage = Stage::with(Settings { capacity: 3, ..settings() }).await;
    for body in ["a", "b", "c", "d", "e"] {
        stage.send(PHONE, body).await;
    }
    let kept: Vec<_> = stage.messages().await.iter().map(|message| message["body"].clone()).collect();
    assert_eq!(kept, ["c", "d", "e"]);
}

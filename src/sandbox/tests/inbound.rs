//! Texts from phones: the signed webhook, `TwiML` replies, opt-out, echo, fallback.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use serde_json::{Value, json};

use super::{ACCOUNT, Answer, OTHER, OURS, PHONE, Receiver, SERVICE, Settings, Stage, account, settings};
use crate::sandbox::Account;

/// A sandbox whose first number announces its texts to `receiver`.
async fn announcing_to(receiver: &Receiver, change: impl FnOnce(&mut Account)) -> Stage {
    let mut account = account();
    account.numbers[0].sms_url = Some(receiver.url("/sms"));
    change(&mut account);
    Stage::with(Settings { accounts: vec![account], ..settings() }).await
}

async fn say(stage: &Stage, to: &str, body: &str) -> Value {
    let Answer { status, body, .. } =
        stage.control("/sandbox/say", json!({ "from": PHONE, "to": to, "body": body })).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn inbox(stage: &Stage) -> Vec<String> {
    stage.idle().await;
    let inbox = stage.get(&stage.url(&format!("/sandbox/phones/{PHONE}/inbox"))).await.body;
    let texts = inbox["inbox"].as_array().expect("a list");
    texts.iter().map(|text| text["body"].as_str().expect("a body").to_owned()).collect()
}

#[tokio::test]
async fn a_text_is_announced_and_its_reply_is_sent() {
    let answer = "<?xml version=\"1.0\"?><Response><Message>Tom &amp; Jerry &#x1F600;</Message></Response>";
    let mut receiver = Receiver::twiml(answer).await;
    let stage = announcing_to(&receiver, |_| {}).await;
    let outcome = say(&stage, OURS, "Zażółć & 50% + 😀").await;
    let hit = receiver.next().await;
    let sid = outcome["sid"].as_str().expect("a SID");
    for name in ["MessageSid", "SmsSid", "SmsMessageSid"] {
        assert_eq!(hit.get(name), sid);
    }
    for (name, value) in [
        ("AccountSid", ACCOUNT),
        ("From", PHONE),
        ("To", OURS),
        ("Body", "Zażółć & 50% + 😀"),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
    ] {
        assert_eq!(hit.get(name), value, "{name}");
    }
    assert!(hit.params.get("OptOutType").is_none());
    assert_eq!((&outcome["webhook_status"], &outcome["twiml"]), (&json!(200), &json!(answer)));
    assert_eq!(inbox(&stage).await, ["Tom & Jerry 😀"]);
    let reply = stage.fetch(outcome["replies"][0].as_str().expect("a SID")).await;
    assert_eq!((&reply["direction"], &reply["status"]), (&json!("outbound-reply"), &json!("delivered")));
    let text = stage.fetch(sid).await;
    assert_eq!((&text["direction"], &text["status"]), (&json!("inbound"), &json!("received")));
    assert_eq!((&text["price"], &text["from"]), (&json!("-0.00790"), &json!(PHONE)));
}

#[tokio::test]
async fn stop_blocks_and_start_lifts() {
    let mut receiver = Receiver::twiml("<Response><Message>not to be heard</Message></Response>").await;
    let stage = announcing_to(&receiver, |_| {}).await;
    let said = say(&stage, OURS, "  stop ").await;
    assert_eq!((receiver.next().await.get("Body"), &said["errors"]), ("  stop ", &json!([21610])));
    let form = [("To", PHONE), ("From", OURS), ("Body", "hello")];
    assert_eq!(stage.create(&form).await.body["code"], 21610);
    // Another sender is another matter.
    assert_eq!(stage.create(&[("To", PHONE), ("From", OTHER), ("Body", "hello")]).await.status, 201);

    say(&stage, OURS, "UNSTOP").await;
    assert_eq!(stage.create(&form).await.status, 201);
    let heard = inbox(&stage).await;
    assert_eq!(heard.iter().filter(|body| body.contains("unsubscribed")).count(), 1);
    assert_eq!(heard.iter().filter(|body| body.contains("re-subscribed")).count(), 1);
    assert_eq!(heard.iter().filter(|body| *body == "not to be heard").count(), 1);
}

#[tokio::test]
async fn stop_to_a_pooled_number_blocks_the_service() {
    let stage = Stage::new().await;
    say(&stage, OTHER, "OPTOUT").await;
    for sender in [("MessagingServiceSid", SERVICE), ("From", OTHER)] {
        let answer = stage.create(&[("To", PHONE), sender, ("Body", "hello")]).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(21610)), "{sender:?}");
    }
    assert_eq!(stage.create(&[("To", PHONE), ("From", OURS), ("Body", "hello")]).await.status, 201);
}

#[tokio::test]
async fn words_around_stop_are_a_text() {
    let stage = Stage::new().await;
    for text in ["STOP PLEASE", "don't stop", "yes"] {
        say(&stage, OURS, text).await;
    }
    assert_eq!(inbox(&stage).await, Vec::<String>::new());
    stage.send(PHONE, "hello").await;
    say(&stage, OURS, "Info").await;
    assert_eq!(inbox(&stage).await.len(), 2);
}

#[tokio::test]
async fn an_account_may_handle_stop_itself() {
    let mut receiver = Receiver::twiml("<Response><Message>Goodbye</Message></Response>").await;
    let stage = announcing_to(&receiver, |account| account.handles_stop = false).await;
    say(&stage, OURS, "STOP").await;
    assert_eq!(receiver.next().await.get("Body"), "STOP");
    assert_eq!(inbox(&stage).await, ["Goodbye"]);
    stage.send(PHONE, "the carrier lets it pass").await;
}

#[tokio::test]
async fn advanced_opt_out_names_the_kind() {
    let mut receiver = Receiver::silent().await;
    let stage = announcing_to(&receiver, |account| account.advanced_opt_out = true).await;
    for (body, kind) in
        [("Quit", Some("STOP")), ("start", Some("START")), ("HELP", Some("HELP")), ("hello", None)]
    {
        say(&stage, OURS, body).await;
        assert_eq!(receiver.next().await.params.get("OptOutType"), kind, "{body}");
    }
}

#[tokio::test]
async fn the_echo_phone_answers_once() {
    let mut receiver = Receiver::twiml("<Response><Message>thanks</Message></Response>").await;
    let stage = announcing_to(&receiver, |_| {}).await;
    let echo = "+12065550108";
    stage.send(echo, "anybody there?").await;
    let hit = receiver.next().await;
    assert_eq!((hit.get("From"), hit.get("Body")), (echo, "Echo: anybody there?"));
    stage.idle().await;
    stage.send(echo, "Echo: machine").await;
    stage.idle().await;
    // Neither the TwiML reply nor its own words were echoed.
    assert_eq!(receiver.rest().len(), 0);
}

#[tokio::test]
async fn a_failing_webhook_has_a_fallback() {
    let receiver = Receiver::new(|hit| {
        if hit.path.starts_with("/fallback?") {
            return ([(CONTENT_TYPE, "text/plain")], "from the fallback").into_response();
        }
        StatusCode::BAD_GATEWAY.into_response()
    });
    let mut receiver = receiver.await;
    let stage = announcing_to(&receiver, |_| {}).await;
    let said = say(&stage, OURS, "hello").await;
    assert_eq!((&said["webhook_status"], &said["errors"]), (&json!(502), &json!([11200])));
    let numbers = stage.get(&stage.api("/IncomingPhoneNumbers.json?PhoneNumber=12065550190")).await.body;
    let uri = numbers["incoming_phone_numbers"][0]["uri"].as_str().expect("a URI").to_owned();
    let fallback = receiver.url("/fallback?n=1");
    let form = [("SmsFallbackUrl", fallback.as_str()), ("SmsFallbackMethod", "GET")];
    assert_eq!(stage.post(&stage.url(&uri), &form).await.expect("an answer").status, 200);
    let said = say(&stage, OURS, "again").await;
    assert_eq!((&said["webhook_status"], &said["errors"]), (&json!(200), &json!([])));
    assert_eq!(inbox(&stage).await, ["from the fallback"]);
    let paths: Vec<_> = receiver.rest().into_iter().map(|hit| hit.path).collect();
    assert_eq!(paths[..2], ["/sms", "/sms"]);
    assert!(paths[2].starts_with("/fallback?n=1&"), "{}", paths[2]);
}

#[tokio::test]
async fn replies_between_two_numbers_are_limited() {
    let receiver = Receiver::twiml("<Response><Message>ping</Message></Response>").await;
    let stage = announcing_to(&receiver, |_| {}).await;
    for _ in 0..15 {
        assert_eq!(say(&stage, OURS, "pong").await["errors"], json!([]));
    }
    let said = say(&stage, OURS, "pong").await;
    assert_eq!((&said["errors"], &said["replies"]), (&json!([14107]), &json!([])));
}

#[tokio::test]
async fn a_text_to_nobody_is_refused() {
    let stage = Stage::new().await;
    let answer =
        stage.control("/sandbox/say", json!({ "from": PHONE, "to": "+12065550177", "body": "x" })).await;
    assert_eq!(answer.status, 404);
    let untold = say(&stage, OURS, "no webhook is set").await;
    assert_eq!((&untold["webhook_status"], &untold["errors"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn the_command_line_lets_a_phone_speak() {
    let stage = Stage::new().await;
    let saying = |to| crate::sandbox::Saying { from: PHONE, to, body: "hello" };
    let said =
        crate::sandbox::say(stage.sandbox.base_url(), saying(OURS)).await.expect("the sandbox takes it");
    assert_eq!(stage.fetch(said["sid"].as_str().expect("a SID")).await["body"], "hello");
    let refused = crate::sandbox::say(stage.sandbox.base_url(), saying("+12065550177")).await;
    assert!(refused.is_err_and(|sentence| sentence.contains("refused")));
}

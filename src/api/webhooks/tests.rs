use axum::body::{Body, to_bytes};
use base64::{Engine, engine::general_purpose::STANDARD};
use entity::{message, receipt};
use http::{Request, StatusCode, header::CONTENT_TYPE};
use tower::ServiceExt;
use url::form_urlencoded;

use super::*;
use crate::features::messages::testing::{ACCOUNT, OURS, Stage, THEIRS, TOKEN};

/// A webhook as the carrier would send it.
struct Webhook {
    path: String,
    params: Vec<(&'static str, String)>,
    token: &'static str,
    base: String,
}

impl Webhook {
    fn message(path: impl Into<String>, sid: &str, body: &str) -> Self {
        let params = vec![
            ("MessageSid", sid.to_owned()),
            ("AccountSid", ACCOUNT.to_owned()),
            ("From", THEIRS.to_owned()),
            ("To", OURS.to_owned()),
            ("Body", body.to_owned()),
        ];
        Self { path: path.into(), params, token: TOKEN, base: "http://127.0.0.1:8080".into() }
    }

    fn receipt(path: impl Into<String>, sid: &str, word: &str) -> Self {
        let params = vec![
            ("MessageSid", sid.to_owned()),
            ("AccountSid", ACCOUNT.to_owned()),
            ("MessageStatus", word.to_owned()),
        ];
        Self { params, ..Self::message(path, sid, "") }
    }

    /// HMAC-SHA1 over address and sorted parameters (carriers.md §1).
    fn signature(&self) -> String {
        let mut sorted = self.params.clone();
        sorted.sort();
        let mut text = format!("{}{}", self.base, self.path);
        for (name, value) in &sorted {
            text.extend([*name, value.as_str()]);
        }
        let key =
            aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.token.as_bytes());
        STANDARD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()))
    }

    fn unsigned(&self) -> http::request::Builder {
        Request::post(&self.path).header(CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    fn body(&self) -> Body {
        let pairs = self.params.iter().map(|(name, value)| (*name, value.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into()
    }

    fn request(&self) -> Request<Body> {
        self.unsigned().header("x-twilio-signature", self.signature()).body(self.body()).unwrap()
    }
}

async fn send(stage: &Stage, request: Request<Body>) -> (StatusCode, String) {
    let response = router(stage.hub.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_signed_message_is_stored_and_answered_in_twiml() {
    let stage = Stage::new().await;
    let acme = stage.organization("A <&> B").await;
    let config = stage.config(acme, false).await;
    let path = format!("/webhooks/twilio/{}/messages", config.id);
    let empty = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;
    let hello = Webhook::message(&path, "SM1", "Hello");
    assert_eq!(send(&stage, hello.request()).await, (StatusCode::OK, empty.to_owned()));
    assert_eq!(send(&stage, hello.request()).await, (StatusCode::OK, empty.to_owned()), "again");
    let (status, reply) = send(&stage, Webhook::message(&path, "SM2", "STOP").request()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(reply.contains("<Message>A &lt;&amp;&gt; B: you are unsubscribed"), "{reply}");
    let response =
        router(stage.hub.clone()).oneshot(Webhook::message(&path, "SM3", "Hi").request()).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/xml; charset=utf-8");
    let bodies: Vec<String> =
        stage.rows::<message::Entity>(acme).await.into_iter().map(|row| row.body).collect();
    assert_eq!((bodies.len(), bodies[0].as_str()), (4, "Hello"));
}

#[tokio::test]
async fn forgeries_are_refused_with_one_answer_and_leave_no_row() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let path = format!("/webhooks/twilio/{}/messages", config.id);
    let honest = || Webhook::message(&path, "SM1", "Hello");
    let other_path = |path: &str| Webhook { path: path.to_owned(), ..honest() };
    let foreign = "AC00000000000000000000000000000000".to_owned();
    let mut of_another_account = honest();
    of_another_account.params[1].1 = foreign;
    let altered = Webhook::message(&path, "SM1", "Goodbye");
    let forgeries = vec![
        honest().unsigned().body(honest().body()).unwrap(),
        honest().unsigned().header("x-twilio-signature", "").body(honest().body()).unwrap(),
        honest().unsigned().header("x-twilio-signature", honest().signature()).body(altered.body()).unwrap(),
        Webhook { token: "another token", ..honest() }.request(),
        of_another_account.request(),
        other_path(&format!("/webhooks/twilio/{}/messages", entity::ids::CarrierConfigId::new())).request(),
        other_path("/webhooks/twilio/cfg_no/messages").request(),
        other_path("/api/webhooks/sms/incoming").request(),
        // Signed for a host that the request claims, not for ours.
        honest()
            .unsigned()
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header(
                "x-twilio-signature",
                Webhook { base: "https://evil.example".into(), ..honest() }.signature(),
            )
            .body(honest().body())
            .unwrap(),
        honest()
            .unsigned()
            .header("x-twilio-signature", honest().signature())
            .uri(format!("{path}?more=1"))
            .body(honest().body())
            .unwrap(),
    ];
    let mut answers = std::collections::BTreeSet::new();
    for (number, forgery) in forgeries.into_iter().enumerate() {
        let (status, body) = send(&stage, forgery).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "forgery {number}");
        answers.insert(body);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(stage.rows::<message::Entity>(acme).await.is_empty());
    assert!(stage.rows::<entity::contact::Entity>(acme).await.is_empty());
}

#[tokio::test]
async fn odd_but_signed_webhooks_are_answered_for_what_they_are() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let path = format!("/webhooks/twilio/{}/messages", config.id);
    let mut nameless = Webhook::message(&path, "SM1", "Hello");
    nameless.params.retain(|(name, _)| *name != "From");
    assert_eq!(send(&stage, nameless.request()).await.0, StatusCode::BAD_REQUEST);
    let long = Webhook::message(&path, "SM1", &"x".repeat(stage.hub.config.door.webhook_body_limit));
    assert_eq!(send(&stage, long.request()).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let with_query = Webhook::message(format!("{path}?a=b%20c"), "SM1", "Hello");
    assert_eq!(send(&stage, with_query.request()).await.0, StatusCode::OK);
    assert_eq!(stage.rows::<message::Entity>(acme).await.len(), 1);
}

#[tokio::test]
async fn receipts_reach_their_message_or_wait() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let (sent, attempt) = stage.sending(acme, THEIRS).await;
    let path = |attempt: &str| format!("/webhooks/twilio/{}/status/{attempt}", config.id);
    let known = Webhook::receipt(path(&attempt.id.to_string()), "SM1", "delivered");
    assert_eq!(send(&stage, known.request()).await, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(stage.message(sent.id).await.status, entity::enums::MessageStatus::Delivered);
    for unknown in ["att_nonsense", &entity::ids::AttemptId::new().to_string()] {
        let stray = Webhook::receipt(path(unknown), "SM2", "sent");
        assert_eq!(send(&stage, stray.request()).await.0, StatusCode::NO_CONTENT);
    }
    let kept = stage.rows::<receipt::Entity>(acme).await;
    assert_eq!(kept.iter().filter(|row| row.message_id.is_none()).count(), 2);
    let swapped = Webhook::receipt(path(&attempt.id.to_string()), "SM1", "failed");
    let elsewhere = Request::post(path(&entity::ids::AttemptId::new().to_string()))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-twilio-signature", swapped.signature())
        .body(swapped.body())
        .unwrap();
    assert_eq!(send(&stage, elsewhere).await.0, StatusCode::FORBIDDEN, "the signature covers the attempt");
}

#[tokio::test]
async fn the_older_routes_serve_the_system_config() {
    let stage = Stage::new().await;
    let operator = stage.operator().await;
    stage.system_config().await;
    for (number, path) in ["/api/webhooks/sms/incoming", "/api/sms/receive"].into_iter().enumerate() {
        let hello = Webhook::message(path, &format!("SM{number}"), "Hello");
        assert_eq!(send(&stage, hello.request()).await.0, StatusCode::OK, "{path}");
    }
    let stop = Webhook::message("/api/webhooks/sms/optout", "SM7", "no more");
    assert_eq!(send(&stage, stop.request()).await.0, StatusCode::OK);
    let receipt = Webhook::receipt("/api/webhooks/sms/status", "SM8", "sent");
    assert_eq!(send(&stage, receipt.request()).await.0, StatusCode::NO_CONTENT);
    assert_eq!(stage.rows::<message::Entity>(operator).await.len(), 3);
    assert_eq!(stage.rows::<entity::opt_out::Entity>(operator).await.len(), 2);
    assert_eq!(stage.rows::<receipt::Entity>(operator).await.len(), 1);
}

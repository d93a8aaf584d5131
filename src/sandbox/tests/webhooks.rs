//! How webhooks are called: signature by Twilio's vectors, retries by its rule.

use std::sync::atomic::{AtomicU16, Ordering};

use axum::{http::StatusCode, response::IntoResponse};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};

use super::{OURS, PHONE, Receiver, Stage};
use crate::sandbox::{
    overrides::{Overrides, RetryPolicy},
    webhook::sign,
};

#[test]
fn signatures_are_those_of_the_official_package() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../specs/twilio_signature_vectors.json")).expect("JSON");
    let token = vectors["token"].as_str().expect("a token");
    let mut checked = 0;
    for case in vectors["valid"].as_array().expect("a list") {
        // A JSON body, repeated keys and a SharedKey are signed in other ways; the sandbox sends none of them.
        let (Some(params), Some(url)) = (case["params"].as_object(), case["signed_url"].as_str()) else {
            continue;
        };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let pairs: Vec<_> = params.iter().map(|(key, value)| (key, text(value))).collect();
        assert_eq!(
            sign(token, url, &pairs),
            case["signature"].as_str().expect("a signature"),
            "{}",
            case["name"]
        );
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[test]
fn overrides_are_read_from_the_fragment() {
    let (url, none) = Overrides::split("https://hub.example/s?a=1");
    assert_eq!((url, none), ("https://hub.example/s?a=1", Overrides::default()));
    let (url, some) =
        Overrides::split("https://hub.example/s?a=1#ct=2000&rt=99999&tt=1&rc=9&rp=ct,5xx&e=ashburn");
    assert_eq!(url, "https://hub.example/s?a=1");
    assert_eq!(
        (some.connect.as_millis(), some.read.as_millis(), some.total.as_millis()),
        (2_000, 15_000, 100)
    );
    let policy = RetryPolicy { on_connect: true, on_5xx: true, ..RetryPolicy::default() };
    assert_eq!((some.retries, some.policy), (5, policy));
    let all = Overrides::split("https://hub.example/#rp=all").1.policy;
    assert_eq!(all, RetryPolicy { on_connect: true, on_read: true, on_4xx: true, on_5xx: true });
}

/// Sends a message with this callback URL; answers the attempts at the callback for `sent`.
async fn attempts(callback: &str) -> Vec<Value> {
    let stage = Stage::new().await;
    stage
        .create(&[("To", "+12065550106"), ("From", OURS), ("Body", "x"), ("StatusCallback", callback)])
        .await;
    stage.idle().await;
    let message = &stage.messages().await[0];
    assert_eq!(message["callbacks"].as_array().map(Vec::len), Some(1), "{PHONE}");
    message["callbacks"][0]["attempts"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_refused_connection_is_tried_once_more() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("port 0 is free");
    let gone = socket.local_addr().expect("it is bound");
    let made = attempts(&format!("http://{gone}/status")).await;
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|attempt| attempt["status"].is_null() && attempt["error"].is_string()));
    assert_eq!(attempts(&format!("http://{gone}/status#rc=0")).await.len(), 1);
    assert_eq!(attempts(&format!("http://{gone}/status#rc=4")).await.len(), 5);
}

#[tokio::test]
async fn an_answer_is_final_unless_overridden() {
    let receiver = Receiver::new(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    assert_eq!(attempts(&receiver.url("/status")).await.len(), 1);
    assert_eq!(attempts(&receiver.url("/status#rc=2&rp=4xx")).await.len(), 1);
    assert_eq!(attempts(&receiver.url("/status#rc=2&rp=5xx")).await.len(), 3);
}

#[tokio::test]
async fn retries_end_with_success_and_carry_one_token() {
    let left = AtomicU16::new(1);
    let receiver = Receiver::new(move |_| match left.swap(0, Ordering::Relaxed) {
        0 => StatusCode::OK.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    });
    let mut receiver = receiver.await;
    let made = attempts(&receiver.url("/status#rc=5&rp=5xx")).await;
    assert_eq!((made.len(), &made[1]["status"]), (2, &Value::from(200)));
    let hits = receiver.rest();
    assert!(!hits[0].idempotency_token.is_empty());
    assert_eq!(hits[0].idempotency_token, hits[1].idempotency_token);
}

#[tokio::test]
async fn silence_ends_at_the_read_timeout() {
    // Connections are opened by the kernel, and nobody reads.
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
    let address = mute.local_addr().expect("it is bound");
    let made = attempts(&format!("http://{address}/status#rt=100")).await;
    assert_eq!((made.len(), made[0]["status"].is_null()), (1, true));
    assert_eq!(attempts(&format!("http://{address}/status#rt=100&rp=rt")).await.len(), 2);
}

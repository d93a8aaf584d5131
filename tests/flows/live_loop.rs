//! The live loop: a message is sent, delivered, answered, and watched live.

use serde_json::json;

use crate::harness::TestApp;

const WATCH: &str = "subscription { messageStatusChanged { cursor node { id status } } }";
const LISTEN: &str = "subscription { messageReceived { cursor node { id body from direction } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_delivered_and_answered_live() {
    let app = TestApp::start().await;
    let mut statuses = app.subscribe(WATCH, json!({})).await;
    let mut received = app.subscribe(LISTEN, json!({})).await;
    statuses.ready().await;
    received.ready().await;
    let id = app.send("(206) 555-0108", "Hello", "first").await;

    let mut seen = Vec::new();
    while seen.last().is_none_or(|status| status != "DELIVERED") {
        let node = statuses.next().await["messageStatusChanged"]["node"].take();
        assert_eq!(node["id"], json!(id));
        seen.push(node["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.first().unwrap(), "QUEUED");
    let ranks = ["QUEUED", "SENDING", "SENT", "DELIVERED"].map(str::to_owned);
    let places: Vec<_> =
        seen.iter().map(|status| ranks.iter().position(|rank| rank == status).unwrap()).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{seen:?}");

    let answer = received.next().await["messageReceived"]["node"].take();
    assert_eq!(answer["body"], "Echo: Hello");
    assert_eq!(answer["direction"], "INBOUND");
    assert_eq!(app.taken().await.len(), 1);
}

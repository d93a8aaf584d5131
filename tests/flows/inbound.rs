//! What comes from the carrier: texts with files, STOP, receipts that never come, and the price.

use chrono::Duration;
use entity::{attempt, message};
use phonehub::features::messages::sweep::Sweeper;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::harness::{NUMBER, Subscription, TestApp};

const RECEIVED: &str = "subscription { messageReceived { node { \
     id body from to direction status media { url contentType } conversation { unreadCount } contact { name } } } }";
const WATCH: &str = "subscription { messageStatusChanged { node { id status carrierStatus } } }";
const LATE_FACTS: &str = "subscription { events(types: [MESSAGE_UPDATED]) { node { subject } } }";
const MESSAGE: &str = "query($id: ID!) { message(id: $id) { \
     status price { amount currency } errorCode errorExplanation timeline { kind } } }";
/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const PHONE: &str = "+12065550120";

async fn subscribe(app: &TestApp, query: &str) -> Subscription {
    let mut subscription = app.subscribe(query, json!({})).await;
    subscription.ready().await;
    subscription
}

/// Waits until a message has this status.
async fn reaches(statuses: &mut Subscription, id: &str, status: &str) {
    loop {
        let node = statuses.next().await["messageStatusChanged"]["node"].take();
        if node["id"] == id && node["status"] == status {
            return;
        }
    }
}

async fn say(app: &TestApp, body: &str, media: Value) -> Value {
    app.stage("say", Some(json!({ "from": PHONE, "to": NUMBER, "body": body, "media": media }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_a_file_arrives_once_and_the_file_is_shown_by_our_own_link() {
    let app = TestApp::start().await;
    let mut received = subscribe(&app, RECEIVED).await;
    let twice = json!({ "fault": "duplicate_inbound", "copies": 2 });
    app.stage("faults", Some(twice)).await;
    let said = say(&app, "Look & see", json!([{ "content_type": "image/png", "base64": PIXEL }])).await;
    assert_eq!(said["webhook_status"], 200, "{said}");
    let node = received.next().await["messageReceived"]["node"].take();
    assert_eq!((&node["body"], &node["from"], &node["to"]), (&json!("Look & see"), &json!(PHONE), &json!(NUMBER)));
    assert_eq!((&node["direction"], &node["status"]), (&json!("INBOUND"), &json!("RECEIVED")));
    assert_eq!(node["media"][0]["contentType"], "image/png");
    say(&app, "That was it", json!([])).await;
    let next = received.next().await["messageReceived"]["node"].take();
    assert_eq!(next["body"], "That was it", "the copies of the first one are no messages");
    assert_eq!(next["conversation"]["unreadCount"], 2);

    let link = node["media"][0]["url"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/media/med_", app.url())), "{link}");
    let file = app.http.get(link).send().await.unwrap();
    assert_eq!((file.status().as_u16(), file.headers()["content-type"].to_str().unwrap()), (200, "image/png"));
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert!(file.bytes().await.unwrap().starts_with(b"\x89PNG"));
    for bad in [link.replace("expires=", "expires=9"), link.replace("signature=", "signature=A")] {
        assert_eq!(app.http.get(&bad).send().await.unwrap().status().as_u16(), 403, "{bad}");
    }
    app.clock.advance(Duration::minutes(16));
    assert_eq!(app.http.get(link).send().await.unwrap().status().as_u16(), 403, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_is_in_force_when_it_is_acknowledged() {
    let app = TestApp::start().await;
    say(&app, "STOP", json!([])).await;
    let input = json!({ "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": "after" });
    let refused = app.gql().ok(crate::harness::SEND, json!({ "input": input })).await;
    assert_eq!(refused["sendMessage"]["userErrors"][0]["code"], "OPTED_OUT", "{refused}");
    assert!(app.taken().await.iter().all(|message| message["to"] != PHONE || message["body"] != "Hello"));
}

//! How long things are kept: the sweep deletes messages that are over, what depends on them first, and nothing else; a second
//! delivery of a deleted message stays a duplicate.

use chrono::Duration;
use entity::{attempt, conversation, media, message, receipt, timeline_entry, tombstone};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, NUMBER, Options, TOKEN, TestApp, eventually};

const SET: &str = "mutation($input: SetRetentionInput!) { setRetention(input: $input) { \
     organization { retention { messages { days isDefault } media { days } events { days isDefault } } } \
     userErrors { code field } } }";
const IDS: &str = "{ messages(first: 100) { nodes { id body media { url } status } } }";
const PHONE: &str = "+12065550132";
const SID: &str = "SM00000000000000000000000000000077";

fn inbound(sid: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", PHONE),
        ("To", NUMBER),
        ("Body", "Look"),
        ("NumMedia", "1"),
        ("MediaUrl0", "https://api.twilio.com/file"),
        ("MediaContentType0", "image/png"),
        ("NumSegments", "1"),
    ]
}

async fn count<E>(app: &TestApp) -> u64
where
    E: EntityTrait,
    E::Model: Send + Sync,
{
    E::find().count(app.hub().db.read()).await.unwrap()
}

async fn listed(app: &TestApp) -> Vec<Value> {
    app.gql().ok(IDS, json!({})).await["messages"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_goes_and_what_is_not_stays() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let sent = app.send(PHONE, "Hello", "1").await;
    statuses.until(&sent, "DELIVERED").await;
    let url = format!("{}/api/webhooks/sms/incoming", app.url());
    assert_eq!(app.webhook(&url, &inbound(SID), TOKEN).await.status().as_u16(), 200);
    let at = app.clock.now() + Duration::days(30);
    let later = json!({ "to": { "phoneNumber": "+12065550133" }, "body": "Later", "idempotencyKey": "2", "scheduledAt": at });
    let later = app.gql().send_input(later).await;
    app.quiet().await;

    // Files first.
    app.gql().ok(SET, json!({ "input": { "mediaDays": 1 } })).await;
    assert_eq!(count::<media::Entity>(&app).await, 1);
    app.clock.advance(Duration::days(2));
    until(&app, "the files", async || count::<media::Entity>(&app).await == 0).await;
    let messages = listed(&app).await;
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message["media"] == json!([])));

    // Then the messages, but for the one that has not left.
    app.gql().ok(SET, json!({ "input": { "messageDays": 7 } })).await;
    app.clock.advance(Duration::days(6));
    until(&app, "the messages", async || listed(&app).await.len() == 1).await;
    assert_eq!(listed(&app).await[0]["id"], later);
    until(&app, "the thread", async || count::<conversation::Entity>(&app).await == 1).await;
    assert_eq!(count::<message::Entity>(&app).await, 1);
    assert_eq!(count::<receipt::Entity>(&app).await + count::<attempt::Entity>(&app).await, 0);
    assert_eq!(count::<timeline_entry::Entity>(&app).await, 3, "of the one that stays");
    assert_eq!(count::<tombstone::Entity>(&app).await, 2);

    // The carrier delivers the deleted text once more.
    assert_eq!(app.webhook(&url, &inbound(SID), TOKEN).await.status().as_u16(), 200);
    assert_eq!(listed(&app).await.len(), 1);
    assert_eq!(app.gql().cancel(&later).await["message"]["status"], "CANCELED");
}

/// Waits for the sweep, which looks when the clock moves.
async fn until(app: &TestApp, what: &str, mut gone: impl AsyncFnMut() -> bool) {
    eventually(what, async || {
        app.clock.advance(Duration::minutes(11));
        gone().await.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn periods_are_the_organisations_own_and_fit_together() {
    let settings = vec![
        ("PHONEHUB_MESSAGE_RETENTION", "90d".to_owned()),
        ("PHONEHUB_EVENT_RETENTION", "36h".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let set = async |input: Value| app.gql().ok(SET, json!({ "input": input })).await["setRetention"].take();
    let kept = set(json!({})).await["organization"]["retention"].take();
    assert_eq!(kept["messages"], json!({ "days": 90, "isDefault": true }));
    assert_eq!(kept["events"], json!({ "days": 2, "isDefault": true }));
    assert_eq!(kept["media"]["days"], Value::Null);
    for (wrong, field) in [
        (json!({ "messageDays": 6 }), "messageDays"),
        (json!({ "eventDays": 0 }), "eventDays"),
        (json!({ "mediaDays": 36_501 }), "mediaDays"),
        (json!({ "messageDays": 7, "eventDays": 8 }), "messageDays"),
        (json!({ "eventDays": 91 }), "messageDays"),
    ] {
        assert_eq!(set(wrong.clone()).await["userErrors"][0]["field"], json!(["input", field]), "{wrong}");
    }
    let own = set(json!({ "messageDays": 30, "eventDays": 30 })).await["organization"]["retention"].take();
    assert_eq!((&own["messages"]["days"], &own["events"]["isDefault"]), (&json!(30), &json!(false)));
    let back =
        set(json!({ "messageDays": null, "eventDays": null })).await["organization"]["retention"].take();
    assert_eq!(back["messages"], json!({ "days": 90, "isDefault": true }));
    let (_, token) = app.another_organization("Other").await;
    let theirs =
        app.gql_as(&token).ok("{ organization { retention { messages { days } } } }", json!({})).await;
    assert_eq!(theirs["organization"]["retention"]["messages"]["days"], 90);
}

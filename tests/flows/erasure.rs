//! Forgetting: a redacted text and an erased person are found nowhere in the database, in no replayed event, and not at the
//! carrier.

use chrono::Duration;
use phonehub::base::backup;
use serde_json::{Value, json};

use crate::harness::{NUMBER, TestApp, eventually};

const REDACT: &str = "mutation($id: ID!) { redactMessage(input: { messageId: $id }) { \
     message { body media { url } redactedAt carrierRedactedAt } userErrors { code field } } }";
const ERASE: &str = "mutation($id: ID!) { eraseContact(input: { contactId: $id }) { \
     contactId conversations userErrors { code field } } }";
const STATE: &str = "query($id: ID!) { message(id: $id) { body from to status redactedAt carrierRedactedAt errorMessage \
     media { url } timeline { detail } contact { id } } }";
const REPLAY: &str =
    "subscription($after: String) { messageStatusChanged(after: $after) { cursor node { id body to } } }";
const PHONE: &str = "+12065550134";
/// Words that stand nowhere else.
const SECRET: &str = "xylophone-marmalade";

/// The whole database as text.
async fn everything(app: &TestApp) -> String {
    let mut out = Vec::new();
    backup::backup(&app.hub().db, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn state(app: &TestApp, id: &str) -> Value {
    app.gql().ok(STATE, json!({ "id": id })).await["message"].take()
}

async fn erased_at_the_carrier(app: &TestApp, id: &str) {
    eventually("the carrier's copy", async || {
        app.clock.advance(Duration::minutes(1));
        state(app, id).await["carrierRedactedAt"].is_string().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_text_is_nowhere() {
    let app = TestApp::start().await;
    let gql = app.gql();
    let mut statuses = app.watch(&gql).await;
    let mut watching = app.subscribe(REPLAY, json!({})).await;
    watching.ready().await;
    let file = "https://files.example/xylophone-marmalade.png";
    let input = json!({
        "to": { "phoneNumber": PHONE }, "body": SECRET, "mediaUrls": [file], "idempotencyKey": "1",
    });
    let id = gql.send_input(input.clone()).await;
    let cursor = watching.next().await["messageStatusChanged"]["cursor"].take();
    statuses.until(&id, "DELIVERED").await;
    app.quiet().await;
    assert!(everything(&app).await.contains(SECRET));

    app.fault(
        json!({ "on": "update", "fault": "server_error", "when": "before", "status": 503, "times": 1 }),
    )
    .await;
    let done = gql.ok(REDACT, json!({ "id": id })).await["redactMessage"].take();
    assert_eq!((&done["message"]["body"], &done["message"]["media"]), (&json!(""), &json!([])), "{done}");
    assert!(done["message"]["redactedAt"].is_string());
    let all = everything(&app).await;
    assert!(!all.contains("xylophone"), "{:?}", all.lines().find(|line| line.contains("xylophone")));
    erased_at_the_carrier(&app, &id).await;
    let copy = app.copies(PHONE).await.remove(0);
    assert_eq!((&copy["body"], &copy["media"]), (&json!(""), &json!([])), "{copy}");

    // Replays tell of the message, not of its text; a repeated call sends nothing and tells nothing.
    let mut again = app.subscribe(REPLAY, json!({ "after": cursor })).await;
    let told = again.next().await["messageStatusChanged"]["node"].take();
    assert_eq!((&told["id"], &told["body"]), (&json!(id), &json!("")));
    assert_eq!(gql.send_input(input).await, id);
    let other = json!({ "to": { "phoneNumber": PHONE }, "body": "Other", "idempotencyKey": "1" });
    assert_eq!(gql.send_input(other).await, id, "what it was made with is forgotten");
    assert_eq!(app.copies(PHONE).await.len(), 1);
    assert_eq!(gql.ok(REDACT, json!({ "id": id })).await["redactMessage"]["userErrors"], json!([]), "again");
    assert!(!everything(&app).await.contains("xylophone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_be_sent_or_of_others_is_not_redacted() {
    let app = TestApp::start().await;
    let at = app.clock.now() + Duration::days(1);
    let input =
        json!({ "to": { "phoneNumber": PHONE }, "body": SECRET, "idempotencyKey": "1", "scheduledAt": at });
    let id = app.gql().send_input(input).await;
    let redact = async |gql: &crate::harness::Gql, id: &str| {
        let answer = gql.ok(REDACT, json!({ "id": id })).await;
        answer["redactMessage"]["userErrors"].get(0).map_or(Value::Null, |error| error["code"].clone())
    };
    assert_eq!(redact(&app.gql(), &id).await, "CONFLICT");
    let (_, token) = app.another_organization("Other").await;
    assert_eq!(redact(&app.gql_as(&token), &id).await, "NOT_FOUND");
    assert_eq!(redact(&app.gql(), "msg_00000000000000000000000000").await, "NOT_FOUND");
    app.gql().cancel(&id).await;
    assert_eq!(redact(&app.gql(), &id).await, Value::Null);
    let now = state(&app, &id).await;
    assert!(now["carrierRedactedAt"].is_string(), "the carrier never had it: {now}");
    assert_eq!(app.requests(PHONE).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_nowhere() {
    let app = TestApp::start().await;
    let gql = app.gql();
    let tenant = app.tenant(json!({})).await;
    let upsert = "mutation($input: UpsertContactInput!) { upsertContact(input: $input) { contact { id } userErrors { code } } }";
    let person = json!({
        "name": "Xylophone Marmalade", "externalId": "crm-marmalade", "phoneNumbers": [PHONE], "metadata": { "x": SECRET },
    });
    let contact = gql.ok(upsert, json!({ "input": person })).await["upsertContact"]["contact"]["id"].take();
    let mut statuses = app.watch(&gql).await;
    let sent = app.send(PHONE, SECRET, "1").await;
    statuses.until(&sent, "DELIVERED").await;
    let said = app.say(PHONE, NUMBER, SECRET, json!([])).await;
    assert_eq!(said["webhook_status"], 200);
    let at = app.clock.now() + Duration::days(1);
    let later =
        json!({ "to": { "phoneNumber": PHONE }, "body": SECRET, "idempotencyKey": "2", "scheduledAt": at });
    let later = gql.send_input(later).await;
    let theirs = tenant.gql.send(PHONE, "Hello from another", "1").await;
    app.watch(&tenant.gql).await;
    app.quiet().await;

    let stranger = tenant.gql.ok(ERASE, json!({ "id": contact })).await["eraseContact"].take();
    assert_eq!(stranger["userErrors"][0]["code"], "NOT_FOUND");
    let done = gql.ok(ERASE, json!({ "id": contact })).await["eraseContact"].take();
    assert_eq!((&done["contactId"], &done["conversations"]), (&contact, &json!(1)), "{done}");
    assert_eq!(
        gql.ok("query($id: ID!) { node(id: $id) { id } }", json!({ "id": contact })).await["node"],
        Value::Null
    );
    for id in [&sent, &later] {
        erased_at_the_carrier(&app, id).await;
    }
    assert_eq!(state(&app, &later).await["status"], "CANCELED");
    let now = state(&app, &sent).await;
    assert_eq!(
        (&now["status"], &now["contact"]),
        (&json!("DELIVERED"), &Value::Null),
        "that it was sent stays"
    );
    let said = gql
        .ok("{ messages(first: 10, filter: { direction: { eq: INBOUND } }) { nodes { id } } }", json!({}))
        .await;
    erased_at_the_carrier(&app, said["messages"]["nodes"][0]["id"].as_str().unwrap()).await;
    let all = everything(&app).await;
    let told = |line: &&str| ["marmalade", "xylophone"].iter().any(|word| line.to_lowercase().contains(word));
    assert_eq!(all.lines().filter(told).collect::<Vec<_>>(), Vec::<&str>::new());
    assert_eq!(numbers_in(&all, app.organization.id.0), Vec::<String>::new());
    assert!(app.taken().await.iter().all(|copy| copy["to"] != PHONE), "the carrier's copies are gone");
    // Another organisation's dealings with the same phone are its own.
    assert_eq!(tenant.gql.message(&theirs).await["to"], PHONE);
    // What the person sends from now on begins anew.
    app.say(PHONE, NUMBER, "It is me again", json!([])).await;
    let again = gql.ok("{ contacts(first: 5) { nodes { id phoneNumbers } } }", json!({})).await;
    let known: Vec<_> = again["contacts"]["nodes"].as_array().unwrap().iter().collect();
    assert!(known.iter().any(|one| one["phoneNumbers"] == json!([PHONE]) && one["id"] != contact), "{again}");
    assert_eq!(app.requests(PHONE).await, 2, "the one that waited never left");
}

/// Lines of the backup that hold both the phone and the organisation's id.
fn numbers_in(all: &str, organization: uuid::Uuid) -> Vec<String> {
    let id = organization.to_string();
    all.lines().filter(|line| line.contains(PHONE) && line.contains(&id)).map(str::to_owned).collect()
}

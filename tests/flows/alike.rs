//! Messages of the same text to the same phone: in the carrier's list their copies look alike. Nobody takes another one's
//! copy where that can be known, and where it was taken, the carrier's word gives it back.

use entity::job;
use phonehub::features::messages::reconcile;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::{Options, Tenant, TestApp, eventually, kinds};

const PHONE: &str = "+12065550120";
const TEXT: &str = "The very same";

/// A window in which the test decides when the list is looked at: every quarter of an hour. No callback comes by itself.
async fn start() -> (TestApp, Tenant) {
    let settings = vec![
        ("PHONEHUB_CARRIER_TIMEOUT", "8s".to_owned()),
        ("PHONEHUB_IN_DOUBT_WINDOW", "1h".to_owned()),
        ("PHONEHUB_POLL_AFTER", "1s".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({})).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    (app, tenant)
}

/// Sends the text to a carrier that takes it (`after`) or not (`before`) and then breaks the connection.
async fn send_cut_off(app: &TestApp, tenant: &Tenant, when: &str, key: &str) -> String {
    app.fault(json!({ "fault": "reset", "when": when, "times": 1 })).await;
    let id = tenant.gql.send(PHONE, TEXT, key).await;
    in_doubt(tenant, &id).await;
    id
}

async fn in_doubt(tenant: &Tenant, id: &str) {
    eventually("it is in doubt", async || {
        let message = tenant.gql.message(id).await;
        (message["attempts"][0]["state"] == "IN_DOUBT").then_some(())
    })
    .await;
}

async fn pass(app: &TestApp, minutes: i64) {
    app.clock.advance(chrono::Duration::minutes(minutes));
    let due = || {
        job::Entity::find()
            .filter(job::Column::Kind.eq(reconcile::KIND))
            .filter(job::Column::RunAt.lte(app.clock.now()))
    };
    eventually("whoever is in doubt has looked", async || {
        (due().count(app.hub().db.read()).await.unwrap() == 0).then_some(())
    })
    .await;
}

/// The carrier's receipt for a message, to the address that it was given.
async fn receipt(app: &TestApp, tenant: &Tenant, url: &str, sid: &str, word: &str) -> u16 {
    let params = [
        ("AccountSid", tenant.account.as_str()),
        ("MessageSid", sid),
        ("MessageStatus", word),
        ("To", PHONE),
        ("From", &tenant.number),
    ];
    app.webhook(url, &params, &tenant.auth_token).await.status().as_u16()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_of_a_message_that_is_being_handed_over_is_left_to_it() {
    let (app, tenant) = start().await;
    let mut statuses = app.watch(&tenant.gql).await;
    let lost = send_cut_off(&app, &tenant, "before", "lost").await;
    app.fault(json!({ "fault": "hang", "when": "after", "ms": 6000, "times": 1 })).await;
    let taken = tenant.gql.send(PHONE, TEXT, "taken").await;
    let copy = eventually("the carrier has it", async || app.copies(PHONE).await.pop()).await;
    pass(&app, 16).await;
    assert_eq!(app.stage("stats", None).await["lists"], 1);
    assert_eq!(tenant.gql.message(&lost).await["carrierMessageId"], Value::Null);

    let told = receipt(&app, &tenant, text(&copy, "status_callback"), text(&copy, "sid"), "delivered").await;
    assert_eq!(told, 204);
    statuses.until(&taken, "DELIVERED").await;
    assert_eq!(tenant.gql.message(&taken).await["carrierMessageId"], copy["sid"]);
    pass(&app, 70).await;
    pass(&app, 16).await;
    statuses.until(&lost, "UNKNOWN").await;
    assert_eq!(app.copies(PHONE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_gives_a_copy_back_that_another_message_took() {
    let (app, tenant) = start().await;
    let mut statuses = app.watch(&tenant.gql).await;
    let owner = send_cut_off(&app, &tenant, "after", "owner").await;
    app.clock.advance(chrono::Duration::minutes(2));
    let guesser = send_cut_off(&app, &tenant, "after", "guesser").await;
    let copies = app.copies(PHONE).await;
    // The owner's first look fails, so the other one looks before it and takes the older copy.
    app.fault(json!({ "fault": "server_error", "when": "before", "on": "list", "times": 1 })).await;
    pass(&app, 14).await;
    pass(&app, 2).await;
    statuses.until(&guesser, "DELIVERED").await;
    assert_eq!(tenant.gql.message(&guesser).await["carrierMessageId"], copies[0]["sid"]);
    assert_eq!(tenant.gql.message(&owner).await["carrierMessageId"], Value::Null);

    let told =
        receipt(&app, &tenant, text(&copies[0], "status_callback"), text(&copies[0], "sid"), "sent").await;
    assert_eq!(told, 204, "a receipt is never refused for our own mistake");
    let message = tenant.gql.message(&owner).await;
    assert_eq!(
        (&message["carrierMessageId"], &message["attempts"][0]["state"]),
        (&copies[0]["sid"], &json!("ACCEPTED"))
    );
    assert!(kinds(&message).contains(&"RECEIPT"));
    let message = tenant.gql.message(&guesser).await;
    assert_eq!((&message["status"], &message["carrierMessageId"]), (&json!("SENDING"), &Value::Null));
    assert_eq!(
        (&message["deliveredAt"], &message["attempts"][0]["state"]),
        (&Value::Null, &json!("IN_DOUBT"))
    );
    assert_eq!(kinds(&message).iter().filter(|kind| **kind == "IN_DOUBT").count(), 2);

    statuses.until(&owner, "DELIVERED").await;
    pass(&app, 16).await;
    eventually("the other copy is found", async || {
        let message = tenant.gql.message(&guesser).await;
        (message["status"] == "DELIVERED" && message["carrierMessageId"] == copies[1]["sid"]).then_some(())
    })
    .await;
    assert_eq!(statuses.of(&guesser).iter().filter(|status| *status == "DELIVERED").count(), 1);
    assert_eq!(app.copies(PHONE).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_comes_while_the_list_is_read_counts() {
    let (app, tenant) = start().await;
    let id = send_cut_off(&app, &tenant, "before", "ours").await;
    let attempt = tenant.gql.message(&id).await["attempts"][0]["id"].take();
    // Sent from the account, and not by us.
    let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", app.sandbox.base_url(), tenant.account);
    let foreign = app.http.post(url).basic_auth(&tenant.account, Some(&tenant.auth_token)).form(&[
        ("To", PHONE),
        ("From", &tenant.number),
        ("Body", TEXT),
    ]);
    assert!(foreign.send().await.unwrap().status().is_success());
    app.fault(json!({ "fault": "hang", "when": "before", "on": "list", "ms": 3000, "times": 1 })).await;
    app.clock.advance(chrono::Duration::minutes(16));
    eventually("the list is being read", async || {
        (app.stage("faults", None).await["faults"][1].is_null()).then_some(())
    })
    .await;
    let address =
        format!("{}/webhooks/twilio/{}/status/{}", app.url(), tenant.config, attempt.as_str().unwrap());
    let sid = "SM0123456789abcdef0123456789abcdef";
    assert_eq!(receipt(&app, &tenant, &address, sid, "sent").await, 204);
    pass(&app, 0).await;
    let message = tenant.gql.message(&id).await;
    assert_eq!(
        (&message["carrierMessageId"], &message["attempts"][0]["carrierMessageId"]),
        (&json!(sid), &json!(sid))
    );
}

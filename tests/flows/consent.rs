//! STOP, START, HELP and the organisation's own words: in force when they are acknowledged, also for what is queued already.

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{NUMBER, Tenant, TestApp, eventually, kinds};

const SAVE_KEYWORD: &str = "mutation($input: SaveKeywordInput!) { saveKeyword(input: $input) { \
     keyword { word active } userErrors { code field } } }";
const PHONE: &str = "+12065550120";

fn to_phone(key: &str) -> Value {
    json!({ "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": key })
}

/// A tenant whose carrier leaves the words to us.
async fn on_our_own(app: &TestApp) -> Tenant {
    let tenant = app.tenant(json!({ "repliesToStop": false })).await;
    tenant.install(app, json!({ "handles_stop": false })).await;
    tenant
}

/// What the phone got back for a text.
async fn answers(app: &TestApp, tenant: &Tenant, body: &str) -> Option<String> {
    let said = app.say(PHONE, &tenant.number, body, json!([])).await;
    assert_eq!((&said["webhook_status"], &said["errors"]), (&json!(200), &json!([])), "{said}");
    let first = said["replies"].as_array().unwrap().first()?;
    let reply = app.stage(&format!("messages/{}", first.as_str().unwrap()), None).await;
    Some(reply["body"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_blocks_the_next_and_the_queued_and_start_lifts_it() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let mut later = to_phone("queued");
    later["scheduledAt"] = json!(app.clock.now() + Duration::hours(1));
    let queued = app.gql().send_input(later).await;
    app.say(PHONE, NUMBER, " stop ", json!([])).await;
    let refused = app.gql().try_send(to_phone("next")).await;
    assert_eq!(refused["userErrors"][0]["code"], "OPTED_OUT", "{refused}");
    assert_eq!(refused["userErrors"][0]["field"], json!(["input", "to"]));
    app.clock.advance(Duration::hours(2));
    statuses.until(&queued, "FAILED").await;
    assert!(kinds(&app.gql().message(&queued).await).contains(&"BLOCKED"));
    assert_eq!(app.requests(PHONE).await, 0);

    app.say(PHONE, NUMBER, "START", json!([])).await;
    let id = app.gql().send_input(to_phone("again")).await;
    statuses.until(&id, "DELIVERED").await;
}

/// The words of a bulk are on their way when the STOP comes: some may be faster, none comes after the acknowledgement.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_acknowledged_stop_nothing_reaches_the_carrier() {
    let app = TestApp::start().await;
    let tenant = on_our_own(&app).await;
    let sending = join_all((0..30).map(|n| {
        let gql = tenant.gql.clone();
        async move { gql.try_send(to_phone(&n.to_string())).await }
    }));
    let stop = async {
        let first = async || (app.requests(PHONE).await > 0).then_some(());
        eventually("the first one is handed over", first).await;
        assert!(answers(&app, &tenant, "STOP").await.is_some());
        app.copies(PHONE).await.len()
    };
    let (sent, acknowledged) = tokio::join!(sending, stop);
    for payload in &sent {
        let Some(id) = payload["message"]["id"].as_str() else {
            assert_eq!(payload["userErrors"][0]["code"], "OPTED_OUT");
            continue;
        };
        eventually("its end", async || {
            let status = tenant.gql.message(id).await["status"].take();
            (status == "DELIVERED" || status == "FAILED").then_some(())
        })
        .await;
    }
    assert_eq!(app.copies(PHONE).await.len(), acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_carrier_is_silent_we_confirm_once() {
    let app = TestApp::start().await;
    let tenant = on_our_own(&app).await;
    assert!(answers(&app, &tenant, "help").await.unwrap().contains("STOP"));
    assert_eq!(answers(&app, &tenant, "START").await, None, "nothing was refused");
    assert!(answers(&app, &tenant, "UNSUBSCRIBE").await.unwrap().contains("START"));
    assert_eq!(answers(&app, &tenant, "stop").await, None, "that is known");
    assert!(answers(&app, &tenant, "unstop").await.unwrap().contains("STOP"));
    assert_eq!(answers(&app, &tenant, "Please stop calling").await, None, "a text for people");
    tenant.gql.send_input(to_phone("allowed")).await;
    eventually("it is sent", async || (app.copies(PHONE).await.len() == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_words_are_answered_as_they_were_written() {
    let app = TestApp::start().await;
    let tenant = on_our_own(&app).await;
    let reply = "Mo & Fr <9\u{2013}17> \"always\" 'open' ]]> \u{1f44b}";
    for (word, active) in [("hours", true), ("prices", false)] {
        let input = json!({ "word": word, "reply": reply, "active": active });
        let saved = tenant.gql.ok(SAVE_KEYWORD, json!({ "input": input })).await["saveKeyword"].take();
        assert_eq!(saved["userErrors"], json!([]));
    }
    let taken = tenant.gql.ok(SAVE_KEYWORD, json!({ "input": { "word": "stop", "reply": "No" } })).await;
    assert_eq!(taken["saveKeyword"]["userErrors"][0]["field"], json!(["input", "word"]));
    assert_eq!(answers(&app, &tenant, " Hours ").await.as_deref(), Some(reply));
    assert_eq!(answers(&app, &tenant, "prices").await, None);
    answers(&app, &tenant, "STOP").await;
    assert_eq!(answers(&app, &tenant, "hours").await, None, "they refuse");
}

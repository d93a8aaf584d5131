//! STOP, START, HELP and the organisation's own words: in force when they are acknowledged, also for what is queued already.

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{NUMBER, Options, Tenant, TestApp, eventually, kinds};

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

/// A tenant with a second sender, over a carrier that is given up on after a while.
async fn with_two_senders(policy: &str) -> (TestApp, Tenant, String) {
    let settings =
        vec![("PHONEHUB_CARRIER_TIMEOUT", "5s".to_owned()), ("PHONEHUB_IN_DOUBT_WINDOW", "2s".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let mut tenant = app.tenant(json!({ "repliesToStop": false })).await;
    let second = "+12065550149".to_owned();
    let senders = json!([tenant.number, second]);
    tenant.save(&app, json!({ "senders": senders, "inDoubtPolicy": policy })).await;
    let numbers =
        [&tenant.number, &second].map(|number| json!({ "phone_number": number, "sms_url": tenant.incoming }));
    tenant.install(&app, json!({ "handles_stop": false, "numbers": numbers })).await;
    (app, tenant, second)
}

/// The carrier takes the next message to the phone only after a while.
async fn slow(app: &TestApp) {
    let fault = json!({ "fault": "hang", "when": "late", "ms": 400, "match": { "to": PHONE }, "times": 1 });
    app.fault(fault).await;
}

async fn asked(app: &TestApp, times: u64) {
    eventually("the carrier is asked", async || (app.requests(PHONE).await == times).then_some(())).await;
}

/// STOP to one sender ends all of the organisation's: also what another one has under way is there before it is
/// acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_what_other_senders_have_under_way() {
    let (app, tenant, second) = with_two_senders("HOLD").await;
    let mut statuses = app.watch(&tenant.gql).await;
    slow(&app).await;
    let mut input = to_phone("second");
    input["from"] = json!(second);
    let id = tenant.gql.send_input(input).await;
    asked(&app, 1).await;
    assert_eq!(app.copies(PHONE).await.len(), 0, "it hangs");
    assert!(answers(&app, &tenant, "STOP").await.is_some());
    assert_eq!(app.copies(PHONE).await.len(), 1, "nothing comes after the acknowledgement");
    statuses.until(&id, "DELIVERED").await;
}

/// The same for a message that is UNKNOWN and sent once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_what_a_person_sends_again() {
    let (app, tenant, second) = with_two_senders("HOLD").await;
    let mut statuses = app.watch(&tenant.gql).await;
    app.fault(json!({ "fault": "server_error", "when": "before", "times": 1 })).await;
    let mut input = to_phone("again");
    input["from"] = json!(second);
    let id = tenant.gql.send_input(input).await;
    statuses.until(&id, "UNKNOWN").await;
    slow(&app).await;
    assert_eq!(tenant.gql.resolve(&id, "RESEND").await["userErrors"], json!([]));
    asked(&app, 2).await;
    assert_eq!(app.copies(PHONE).await.len(), 0, "it hangs");
    assert!(answers(&app, &tenant, "STOP").await.is_some());
    assert_eq!(app.copies(PHONE).await.len(), 1, "nothing comes after the acknowledgement");
    statuses.until(&id, "DELIVERED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_doubt_when_the_stop_comes_is_not_sent_again_by_policy() {
    let (app, tenant, second) = with_two_senders("RESEND").await;
    let mut statuses = app.watch(&tenant.gql).await;
    app.fault(json!({ "fault": "server_error", "when": "before", "times": 1 })).await;
    let mut input = to_phone("doubt");
    input["from"] = json!(second);
    let id = tenant.gql.send_input(input).await;
    asked(&app, 1).await;
    assert!(answers(&app, &tenant, "STOP").await.is_some());
    statuses.until(&id, "FAILED").await;
    let message = tenant.gql.message(&id).await;
    assert!(kinds(&message).ends_with(&["RESENT", "BLOCKED"]), "{message}");
    assert_eq!((app.requests(PHONE).await, app.copies(PHONE).await.len()), (1, 0));
}

const SET_OPT_OUT: &str =
    "mutation($input: SetOptOutInput!) { setOptOut(input: $input) { userErrors { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_that_is_set_by_hand_waits_as_well() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    slow(&app).await;
    let id = app.gql().send_input(to_phone("by hand")).await;
    asked(&app, 1).await;
    let input = json!({ "phoneNumber": PHONE, "scope": "ORGANIZATION" });
    let set = app.gql().ok(SET_OPT_OUT, json!({ "input": input })).await;
    assert_eq!(set["setOptOut"]["userErrors"], json!([]));
    assert_eq!(app.copies(PHONE).await.len(), 1);
    statuses.until(&id, "DELIVERED").await;
}

//! `sendMessage` and what follows: planned, withdrawn, repeated, ordered, and refused with a code and a field.

use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Options, TestApp};

const CONTACT: &str = "mutation($input: UpsertContactInput!) { upsertContact(input: $input) { \
     contact { id } userErrors { code field } } }";

fn phone(n: usize) -> String {
    format!("+12065550{}", 112 + n)
}

fn text(to: &str, key: &str) -> Value {
    json!({ "to": { "phoneNumber": to }, "body": "Hello", "idempotencyKey": key })
}

fn with(mut input: Value, fields: &Value) -> Value {
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    input
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_message_waits_and_can_be_withdrawn_until_it_is_handed_over() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let at = app.clock.now() + Duration::hours(1);
    let [kept, withdrawn] =
        [0, 1].map(|n| with(text(&phone(n), &n.to_string()), &json!({ "scheduledAt": at })));
    let (kept, withdrawn) = (app.gql().send_input(kept).await, app.gql().send_input(withdrawn).await);
    assert_eq!(app.gql().message(&kept).await["status"], "SCHEDULED");
    for _ in 0..2 {
        let canceled = app.gql().cancel(&withdrawn).await;
        assert_eq!(
            (&canceled["message"]["status"], &canceled["userErrors"]),
            (&json!("CANCELED"), &json!([]))
        );
    }
    app.clock.advance(Duration::minutes(61));
    statuses.until(&kept, "DELIVERED").await;
    statuses.until(&withdrawn, "CANCELED").await;
    assert_eq!((app.requests(&phone(0)).await, app.requests(&phone(1)).await), (1, 0));
    let late = app.gql().cancel(&kept).await;
    assert_eq!(late["userErrors"][0]["code"], "NOT_CANCELABLE");
    assert_eq!(late["userErrors"][0]["field"], json!(["input", "messageId"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_sends_once_and_other_input_under_it_is_refused() {
    let app = TestApp::start().await;
    let mut statuses = app.watch(&app.gql()).await;
    let first = app.gql().send_input(text(&phone(0), "key")).await;
    assert_eq!(app.gql().send_input(text(&phone(0), "key")).await, first);
    statuses.until(&first, "DELIVERED").await;
    let again = app.gql().try_send(text(&phone(0), "key")).await;
    assert_eq!((&again["message"]["id"], &again["message"]["status"]), (&json!(first), &json!("DELIVERED")));
    let other = app.gql().try_send(with(text(&phone(0), "key"), &json!({ "body": "Bye" }))).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    assert_eq!(app.requests(&phone(0)).await, 1);
    let (_, token) = app.another_organization("Other").await;
    assert_ne!(
        app.gql_as(&token).send_input(text(&phone(1), "key")).await,
        first,
        "keys are an organisation's own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_under_one_key_are_one_message() {
    let mut app = TestApp::start().await;
    app.another_instance().await;
    let mut statuses = app.watch(&app.gql()).await;
    let calls = (0..50).map(|n| {
        let gql = app.gql_at(n % 2);
        async move { gql.try_send(text(&phone(0), "one")).await }
    });
    let mut made = Vec::new();
    for payload in join_all(calls).await {
        match payload["message"]["id"].as_str() {
            Some(id) => made.push(id.to_owned()),
            None => {
                assert_eq!(payload["userErrors"][0]["code"], "IDEMPOTENCY_CONCURRENT_REQUEST", "{payload}");
            }
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1);
    statuses.until(&made[0], "DELIVERED").await;
    assert_eq!(app.requests(&phone(0)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_together_goes_by_priority() {
    let settings = vec![("PHONEHUB_WORKERS", "1".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let mut statuses = app.watch(&app.gql()).await;
    let at = app.clock.now() + Duration::hours(1);
    let mut sent = Vec::new();
    for (n, priority) in [60, 10, 0, 40].into_iter().enumerate() {
        let input =
            with(text(&phone(n), &n.to_string()), &json!({ "scheduledAt": at, "priority": priority }));
        sent.push(app.gql().send_input(input).await);
    }
    app.clock.advance(Duration::minutes(61));
    for id in &sent {
        statuses.until(id, "DELIVERED").await;
    }
    let order: Vec<_> =
        app.taken().await.iter().map(|taken| taken["to"].as_str().unwrap().to_owned()).collect();
    assert_eq!(order, [2, 1, 3, 0].map(phone));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_in_any_common_writing_and_contacts_are_recipients() {
    let app = TestApp::start().await;
    for (n, writing) in
        ["(206) 555-0112", "206.555.0112", "+1 206 555 0112", "1-206-555-0112"].iter().enumerate()
    {
        let id = app.gql().send_input(text(writing, &n.to_string())).await;
        let message = app.gql().message(&id).await;
        assert_eq!((&message["to"], &message["country"]), (&json!(phone(0)), &json!("US")), "{writing}");
    }
    let input = json!({ "name": "Ada", "phoneNumbers": [phone(1), phone(2)] });
    let made = app.gql().ok(CONTACT, json!({ "input": input })).await["upsertContact"].take();
    let to = json!({ "contactId": made["contact"]["id"] });
    let id = app.gql().send_input(json!({ "to": to, "body": "Hello", "idempotencyKey": "contact" })).await;
    assert_eq!(app.gql().message(&id).await["to"], phone(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_and_alphabet_are_told_before_the_carrier_counts() {
    let app = TestApp::start().await;
    let cases = [
        ("a".repeat(160), "GSM7", 1),
        ("a".repeat(161), "GSM7", 2),
        ("\u{20ac}".repeat(80), "GSM7", 1),
        ("\u{20ac}".repeat(81), "GSM7", 2),
        ("\u{1f44b}".repeat(35), "UCS2", 1),
        ("\u{1f44b}".repeat(36), "UCS2", 2),
    ];
    for (n, (body, encoding, segments)) in cases.iter().enumerate() {
        let id = app.send(&phone(0), body, &n.to_string()).await;
        let message = app.gql().message(&id).await;
        assert_eq!((&message["encoding"], &message["segments"]), (&json!(encoding), &json!(segments)), "{n}");
        assert_eq!(message["isTest"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_refused_with_a_code_and_its_field() {
    let app = TestApp::start().await;
    let to = phone(0);
    let media: Vec<_> = (0..11).map(|n| format!("https://media.example/{n}.png")).collect();
    let cases = [
        (json!({ "body": "" }), "EMPTY_MESSAGE", json!(["input", "body"])),
        (json!({ "body": " \n" }), "EMPTY_MESSAGE", json!(["input", "body"])),
        (json!({ "body": "a".repeat(1601) }), "MESSAGE_TOO_LONG", json!(["input", "body"])),
        (json!({ "mediaUrls": media }), "TOO_MANY_MEDIA", json!(["input", "mediaUrls"])),
        (json!({ "mediaUrls": ["file:///etc/passwd"] }), "BAD_USER_INPUT", json!(["input", "mediaUrls"])),
        (json!({ "from": "+12065550199" }), "UNKNOWN_SENDER", json!(["input", "from"])),
        (json!({ "to": { "phoneNumber": "12" } }), "INVALID_NUMBER", json!(["input", "to", "phoneNumber"])),
        (
            json!({ "to": { "phoneNumber": "twelve" } }),
            "INVALID_NUMBER",
            json!(["input", "to", "phoneNumber"]),
        ),
        (json!({ "validitySeconds": 0 }), "BAD_USER_INPUT", json!(["input", "validitySeconds"])),
        (json!({ "priority": 101 }), "BAD_USER_INPUT", json!(["input", "priority"])),
        (json!({ "idempotencyKey": "" }), "BAD_USER_INPUT", json!(["input", "idempotencyKey"])),
    ];
    for (n, (fields, code, field)) in cases.into_iter().enumerate() {
        let payload = app.gql().try_send(with(text(&to, &n.to_string()), &fields)).await;
        assert_eq!(payload["message"], Value::Null, "{fields}");
        let error = &payload["userErrors"][0];
        assert_eq!((&error["code"], &error["field"]), (&json!(code), &field), "{fields}");
    }
    assert_eq!(app.stage("stats", None).await["creates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_config_the_answer_says_so() {
    let none = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER", "TWILIO_BASE_URL"];
    let settings = none.map(|name| (name, String::new())).to_vec();
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let payload = app.gql().try_send(text(&phone(0), "first")).await;
    assert_eq!(payload["userErrors"][0]["code"], "MISSING_CONFIGURATION", "{payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_token_is_rotated_either_signs_webhooks() {
    let app = TestApp::start().await;
    let mut tenant = app.tenant(json!({})).await;
    let old = std::mem::replace(&mut tenant.auth_token, "fedcba9876543210fedcba9876543210".to_owned());
    // The carrier takes the new token before it is saved here, and may sign with either.
    tenant.install(&app, json!({})).await;
    tenant.save(&app, json!({})).await;
    let mut number = 0;
    let mut signed_by = async |token: &str| {
        number += 1;
        let sid = format!("SM{number:032}");
        let params = [
            ("AccountSid", tenant.account.as_str()),
            ("MessageSid", &sid),
            ("From", "+12065550112"),
            ("To", &tenant.number),
            ("Body", "Hello"),
        ];
        app.webhook(&tenant.incoming, &params, token).await.status().as_u16()
    };
    assert_eq!((signed_by(&old).await, signed_by(&tenant.auth_token).await), (200, 200));
    // Requests go with the new token.
    let mut statuses = app.watch(&tenant.gql).await;
    let id = tenant.gql.send(&phone(0), "Hello", "first").await;
    statuses.until(&id, "DELIVERED").await;
    let mut ended = json!({ "input": { "id": tenant.config, "endTokenRotation": true } });
    let end = "mutation($input: SaveCarrierConfigInput!) { saveCarrierConfig(input: $input) { userErrors { code } } }";
    assert_eq!(tenant.gql.ok(end, ended.take()).await["saveCarrierConfig"]["userErrors"], json!([]));
    assert_eq!((signed_by(&old).await, signed_by(&tenant.auth_token).await), (403, 200));
}

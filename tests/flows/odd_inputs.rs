//! Input that no honest client sends: it is refused in words or stored clean, on every way in, and never a fault of ours.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, NUMBER, TOKEN, TestApp};

const PHONE: &str = "+12065550112";

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

fn with(fields: &Value) -> Value {
    let mut input = json!({ "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": "key" });
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    input
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_is_refused_on_every_way_in() {
    let app = TestApp::start().await;
    let send = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }";
    for field in ["body", "idempotencyKey", "from"] {
        let input = with(&json!({ field: "a\0b" }));
        assert_eq!(code(&app.gql().raw(send, json!({ "input": input })).await), "BAD_USER_INPUT", "{field}");
    }
    let literal = r#"{ messages(filter: { from: { eq: "\u0000" } }) { nodes { id } } }"#;
    assert_eq!(code(&app.gql().raw(literal, json!({})).await), "BAD_USER_INPUT");

    let url = format!("{}/graphql/stream", app.url());
    let request = app.http.post(&url).bearer_auth(&app.token).json(&json!({ "query": literal }));
    let events = request.send().await.unwrap().text().await.unwrap();
    assert!(events.contains("BAD_USER_INPUT"), "{events}");

    let mut socket = app.subscribe("subscription { messageReceived { cursor } }", json!({})).await;
    let payload = json!({ "query": literal });
    socket.say(json!({ "type": "subscribe", "id": "nul", "payload": payload })).await;
    let refused = socket.hear().await.unwrap();
    assert_eq!(
        (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("BAD_USER_INPUT"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_in_a_webhook_is_left_out_and_the_rest_is_kept() {
    let app = TestApp::start().await;
    let text = [
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("AccountSid", ACCOUNT),
        ("From", PHONE),
        ("To", NUMBER),
        ("Body", "Hel\0lo"),
        ("FromCity", "SEAT\0TLE"),
        ("NumMedia", "1"),
        ("MediaUrl0", "https://api.twilio.com/\0a"),
        ("MediaContentType0", "image/\0png"),
        ("Added\0Later", "\0"),
    ];
    let url = format!("{}/api/webhooks/sms/incoming", app.url());
    assert_eq!(app.webhook(&url, &text, TOKEN).await.status().as_u16(), 200);
    let kept = app.gql().ok("{ messages { nodes { body media { contentType } } } }", json!({})).await;
    assert_eq!(
        kept["messages"]["nodes"],
        json!([{ "body": "Hello", "media": [{ "contentType": "image/png" }] }])
    );
    let receipt = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", "SM00000000000000000000000000000009"),
        ("MessageStatus", "sent"),
        ("ErrorMessage", "\0"),
    ];
    let url = format!("{}/api/webhooks/sms/status", app.url());
    assert_eq!(app.webhook(&url, &receipt, TOKEN).await.status().as_u16(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_one_however_its_number_is_written() {
    let app = TestApp::start().await;
    let first = app.gql().send_input(with(&json!({}))).await;
    for spelling in ["(206) 555-0112", "+1 206 555 0112", "2065550112"] {
        let again = with(&json!({ "to": { "phoneNumber": spelling } }));
        assert_eq!(app.gql().send_input(again).await, first, "{spelling}");
    }
    let other = app.gql().try_send(with(&json!({ "to": { "phoneNumber": "(206) 555-0113" } }))).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_PARAMETER_MISMATCH");
    let none =
        app.gql().try_send(with(&json!({ "to": { "phoneNumber": "12" }, "idempotencyKey": "2" }))).await;
    assert_eq!(none["userErrors"][0]["code"], "INVALID_NUMBER");
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_beyond_their_bounds_are_refused_with_their_field() {
    let app = TestApp::start().await;
    let days_ago = |days: i64| (app.clock.now() - Duration::days(days)).to_rfc3339();
    for (fields, field, code) in [
        (json!({ "idempotencyKey": "é".repeat(256) }), "idempotencyKey", "BAD_USER_INPUT"),
        (json!({ "scheduledAt": days_ago(2) }), "scheduledAt", "BAD_USER_INPUT"),
        (json!({ "body": "\u{200b} \u{feff}" }), "body", "EMPTY_MESSAGE"),
        (
            json!({ "mediaUrls": [format!("https://a.test/{}", "x".repeat(2_048))] }),
            "mediaUrls",
            "BAD_USER_INPUT",
        ),
    ] {
        let refused = app.gql().try_send(with(&fields)).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{field}");
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]));
    }
    let fitting = json!({ "idempotencyKey": "é".repeat(255), "scheduledAt": days_ago(0) });
    app.gql().send_input(with(&fitting)).await;
    let odd = format!("MG{}", "ä".repeat(16));
    let filter = json!({ "from": { "eq": odd } });
    let query = "query($filter: MessageFilter) { messages(filter: $filter) { nodes { id } } }";
    assert_eq!(self::code(&app.gql().raw(query, json!({ "filter": filter })).await), "INVALID_NUMBER");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_inside_pages_are_refused_before_a_row_is_read() {
    let app = TestApp::start().await;
    let nested = "{ messages(first: 100) { nodes { conversation { messages(first: 100) { nodes { conversation { \
                  messages(first: 20) { nodes { id } } } } } } } } }";
    assert_eq!(code(&app.gql().raw(nested, json!({})).await), "LIMIT_EXCEEDED");
    let limits = app.gql().ok("{ limits { rows executionSeconds } }", json!({})).await;
    assert_eq!(limits["limits"], json!({ "rows": 10_000, "executionSeconds": 30 }));
}

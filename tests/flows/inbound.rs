//! Texts that come in: announced once, kept where they belong, with their files behind our own links; and what nobody signed.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Gql, NUMBER, Subscription, TOKEN, TestApp, sign};

const RECEIVED: &str = "subscription { messageReceived { node { \
     id body from to direction status media { url contentType } conversation { id unreadCount contactNumber } \
     contact { id phoneNumbers } } } }";
const TEXTS: &str = "{ messages(first: 100, filter: { direction: { eq: INBOUND } }) { nodes { body } } }";
/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const REFUSALS: &str = "phonehub_webhook_refusals_total";
const PHONE: &str = "+12065550120";

async fn listen(app: &TestApp, gql: &Gql) -> Subscription {
    let mut subscription = Subscription::open(app.apps[0].addr, &gql.token, RECEIVED, json!({})).await;
    subscription.ready().await;
    subscription
}

async fn next(received: &mut Subscription) -> Value {
    received.next().await["messageReceived"]["node"].take()
}

async fn texts(gql: &Gql) -> Vec<String> {
    let page = gql.ok(TEXTS, json!({})).await["messages"]["nodes"].take();
    page.as_array().unwrap().iter().map(|node| node["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_a_file_arrives_once_and_the_file_is_shown_by_our_own_link() {
    let app = TestApp::start().await;
    let mut received = listen(&app, &app.gql()).await;
    app.fault(json!({ "fault": "duplicate_inbound", "copies": 2 })).await;
    let media = json!([{ "content_type": "image/png", "base64": PIXEL }]);
    let said = app.say(PHONE, NUMBER, "Look & see", media).await;
    assert_eq!(said["webhook_status"], 200, "{said}");
    let node = next(&mut received).await;
    assert_eq!(
        (&node["body"], &node["from"], &node["to"]),
        (&json!("Look & see"), &json!(PHONE), &json!(NUMBER))
    );
    assert_eq!((&node["direction"], &node["status"]), (&json!("INBOUND"), &json!("RECEIVED")));
    assert_eq!(node["media"][0]["contentType"], "image/png");
    assert_eq!(node["contact"]["phoneNumbers"], json!([PHONE]));
    app.say(PHONE, NUMBER, "That was it", json!([])).await;
    let second = next(&mut received).await;
    assert_eq!(second["body"], "That was it", "the copies of the first one are no messages");
    assert_eq!(second["conversation"]["unreadCount"], 2);
    assert_eq!(second["conversation"]["id"], node["conversation"]["id"]);
    assert_eq!(second["contact"]["id"], node["contact"]["id"]);

    let link = node["media"][0]["url"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/media/med_", app.url())), "{link}");
    let file = app.http.get(link).send().await.unwrap();
    assert_eq!(
        (file.status().as_u16(), file.headers()["content-type"].to_str().unwrap()),
        (200, "image/png")
    );
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
    assert!(file.bytes().await.unwrap().starts_with(b"\x89PNG"));
    for bad in [link.replace("expires=", "expires=9"), link.replace("signature=", "signature=A")] {
        assert_eq!(app.http.get(&bad).send().await.unwrap().status().as_u16(), 403, "{bad}");
    }
    app.clock.advance(Duration::minutes(16));
    assert_eq!(app.http.get(link).send().await.unwrap().status().as_u16(), 403, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_in_ten_come_twice_and_every_text_is_there_once() {
    let app = TestApp::start().await;
    app.fault(json!({ "fault": "duplicate_inbound", "copies": 2, "chance": 0.3 })).await;
    let said: Vec<String> = (0..40).map(|n| format!("Number {n}")).collect();
    for text in &said {
        assert_eq!(app.say(PHONE, NUMBER, text, json!([])).await["webhook_status"], 200);
    }
    let stats = app.stage("stats", None).await;
    assert!(stats["inbound"]["succeeded"].as_u64().unwrap() > 40, "none came twice: {stats}");
    let mut kept = texts(&app.gql()).await;
    kept.sort_unstable();
    let mut said = said;
    said.sort_unstable();
    assert_eq!(kept, said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_number_answers_whom_it_last_wrote_from_and_stops_for_all() {
    let app = TestApp::start().await;
    let (_, token) = app.another_organization("Guest").await;
    let guest = app.gql_as(&token);
    let mut statuses = app.watch(&guest).await;
    let id = guest.send(PHONE, "Hello from the guest", "first").await;
    statuses.until(&id, "DELIVERED").await;
    app.say(PHONE, NUMBER, "Hello guest", json!([])).await;
    app.say("+12065550121", NUMBER, "Hello operator", json!([])).await;
    assert_eq!(texts(&guest).await, ["Hello guest"]);
    assert_eq!(texts(&app.gql()).await, ["Hello operator"]);

    let mut ours = app.watch(&app.gql()).await;
    let later = json!({ "to": { "phoneNumber": PHONE }, "body": "Next year", "idempotencyKey": "later",
        "scheduledAt": app.clock.now() + Duration::days(30) });
    assert_eq!(app.gql().try_send(later).await["userErrors"], json!([]));
    app.say(PHONE, NUMBER, "Still the guest", json!([])).await;
    assert!(texts(&guest).await.contains(&"Still the guest".to_owned()), "what only waits was not written");
    let id = app.send(PHONE, "Now the operator", "second").await;
    ours.until(&id, "DELIVERED").await;
    app.clock.advance(Duration::seconds(1));
    app.say(PHONE, NUMBER, "Hello again", json!([])).await;
    assert_eq!(texts(&guest).await.len(), 2);
    assert!(texts(&app.gql()).await.contains(&"Hello again".to_owned()));

    app.say(PHONE, NUMBER, "STOP", json!([])).await;
    for gql in [&guest, &app.gql()] {
        let input = json!({ "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": "after" });
        assert_eq!(gql.try_send(input).await["userErrors"][0]["code"], "OPTED_OUT");
    }
}

/// The parameters of a text that the sandbox never saw.
fn text<'a>(sid: &'a str, body: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("AccountSid", ACCOUNT),
        ("MessageSid", sid),
        ("From", PHONE),
        ("To", NUMBER),
        ("Body", body),
        ("NumMedia", "0"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_routes_serve_the_system_config() {
    let app = TestApp::start().await;
    let routes = [
        ("/api/webhooks/sms/incoming", "SM00000000000000000000000000000001", "One"),
        ("/api/sms/receive", "SM00000000000000000000000000000002", "Two"),
        ("/api/webhooks/sms/optout", "SM00000000000000000000000000000003", "please leave me alone"),
    ];
    for (route, sid, body) in routes {
        for _ in 0..2 {
            let answer = app.webhook(&format!("{}{route}", app.url()), &text(sid, body), TOKEN).await;
            assert_eq!(answer.status().as_u16(), 200, "{route}");
            assert!(answer.headers()["content-type"].to_str().unwrap().contains("xml"), "{route}");
        }
    }
    let mut kept = texts(&app.gql()).await;
    kept.sort_unstable();
    assert_eq!(kept, ["One", "Two", "please leave me alone"]);
    let input = json!({ "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": "after" });
    assert_eq!(app.gql().try_send(input).await["userErrors"][0]["code"], "OPTED_OUT");
    let receipt = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", "SM00000000000000000000000000000009"),
        ("MessageStatus", "sent"),
    ];
    let status = format!("{}/api/webhooks/sms/status", app.url());
    assert_eq!(app.webhook(&status, &receipt, TOKEN).await.status().as_u16(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_did_not_sign_leaves_no_row_and_is_counted() {
    let app = TestApp::start().await;
    let tenant = app.tenant(json!({})).await;
    let before = app.metric(REFUSALS).await;
    let own = format!("{}/api/webhooks/sms/incoming", app.url());
    let theirs = tenant.incoming.clone();
    let sid = "SM00000000000000000000000000000001";
    let (params, altered) = (text(sid, "Pay A"), text(sid, "Pay B"));
    let good = sign(TOKEN, &own, &params);
    let elsewhere = sign(TOKEN, &own.replace("127.0.0.1", "hub.example"), &params);
    let unknown =
        own.replace("/api/webhooks/sms/incoming", "/webhooks/twilio/cfg_0000000000000000000000/messages");
    let forgeries: [(&str, &str, Option<String>); 8] = [
        ("unsigned", &own, None),
        ("empty", &own, Some(String::new())),
        ("no Base64", &own, Some("!".to_owned())),
        ("another key", &own, Some(sign("another", &own, &params))),
        ("another account's key", &own, Some(sign(&tenant.auth_token, &own, &params))),
        ("another address", &own, Some(elsewhere)),
        ("another config", &theirs, Some(sign(TOKEN, &theirs, &params))),
        ("no config", &unknown, Some(sign(TOKEN, &unknown, &params))),
    ];
    for (what, url, signature) in &forgeries {
        assert_eq!(app.forged(url, &params, signature.as_deref()).await.status().as_u16(), 403, "{what}");
    }
    assert_eq!(app.forged(&own, &altered, Some(&good)).await.status().as_u16(), 403, "altered");
    // Signed by the tenant's own account, about somebody else's.
    let foreign = app.webhook(&theirs, &params, &tenant.auth_token).await;
    assert_eq!(foreign.status().as_u16(), 403, "foreign account");
    assert!(app.metric(REFUSALS).await >= before + 10.0);
    for gql in [&app.gql(), &tenant.gql] {
        assert_eq!(texts(gql).await, Vec::<String>::new());
    }
    assert_eq!(app.forged(&own, &params, Some(&good)).await.status().as_u16(), 200);
    assert_eq!(texts(&app.gql()).await, ["Pay A"]);
}

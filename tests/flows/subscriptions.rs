//! Subscribers that come and go, fall behind, lose their right, or sit at another instance: nothing is missing, nothing comes
//! twice.

use std::time::{Duration, Instant};

use phonehub::base::{life, tx::Tx};
use serde_json::{Value, json};

use crate::harness::{Gql, NUMBER, Options, Subscription, TestApp, eventually};

const FOLLOW: &str =
    "subscription($after: String) { messageReceived(after: $after) { cursor node { body } } }";
const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { \
     tokens { accessToken } userErrors { code field } } }";
const CREATE_KEY: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { \
     apiKey { id } secret userErrors { code } } }";
const REVOKE_KEY: &str = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { \
     userErrors { code } } }";
const PHONE: &str = "+12065550120";

/// The next edge: its cursor and the text.
async fn next(subscription: &mut Subscription) -> (String, String) {
    let edge = subscription.next().await["messageReceived"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&edge["cursor"]), text(&edge["node"]["body"]))
}

async fn say(app: &TestApp, body: &str) {
    assert_eq!(app.say(PHONE, NUMBER, body, json!([])).await["webhook_status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_flaps_misses_nothing_and_sees_nothing_twice() {
    const TEXTS: usize = 60;
    let app = TestApp::start().await;
    let mut subscription = app.subscribe(FOLLOW, json!({})).await;
    subscription.ready().await;
    let talking = async {
        for n in 0..TEXTS {
            say(&app, &n.to_string()).await;
        }
    };
    let listening = async {
        let mut seen = Vec::new();
        while seen.len() < TEXTS {
            let (cursor, body) = next(&mut subscription).await;
            seen.push(body);
            if seen.len() % 7 == 0 {
                subscription = app.subscribe(FOLLOW, json!({ "after": cursor })).await;
            }
        }
        seen
    };
    let (seen, ()) = tokio::join!(listening, talking);
    assert_eq!(seen, (0..TEXTS).map(|n| n.to_string()).collect::<Vec<_>>());
    say(&app, "the last").await;
    assert_eq!(next(&mut subscription).await.1, "the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_before_a_restore_is_refused_although_its_position_comes_again() {
    let mut app = TestApp::start().await;
    let mut subscription = app.subscribe(FOLLOW, json!({})).await;
    subscription.ready().await;
    say(&app, "before").await;
    let (cursor, _) = next(&mut subscription).await;
    let tx = Tx::begin(app.hub()).await.unwrap();
    life::begin_another(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let restored = app.another_instance().await;
    let after = json!({ "after": cursor });
    let mut old = Subscription::open(restored, &app.token, FOLLOW, after.clone()).await;
    let refusal = old.hear().await.expect("an answer");
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "INVALID_CURSOR", "{refusal}");
    let mut same = app.subscribe(FOLLOW, after).await;
    say(&app, "after").await;
    assert_eq!(next(&mut same).await.1, "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_shows_what_live_subscribers_saw() {
    const STATUSES: &str = "subscription($after: String) { messageStatusChanged(after: $after) { \
         cursor node { id status updatedAt } } }";
    let app = TestApp::start().await;
    let mut live = app.subscribe(STATUSES, json!({})).await;
    live.ready().await;
    app.send("+12065550121", "Hello", "first").await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|edge: &Value| edge["node"]["status"] != "DELIVERED") {
        seen.push(live.next().await["messageStatusChanged"].take());
    }
    let mut replay = app.subscribe(STATUSES, json!({ "after": seen[0]["cursor"] })).await;
    for edge in &seen[1..] {
        assert_eq!(replay.next().await["messageStatusChanged"], *edge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_its_own_only() {
    const FILTERED: &str = "subscription($filter: MessageEventFilter) { messageStatusChanged(filter: $filter) { \
         node { to status } } }";
    let app = TestApp::start().await;
    let filter = json!({ "contactNumber": "(206) 555-0121", "status": ["DELIVERED", "UNDELIVERED"] });
    let mut filtered = app.subscribe(FILTERED, json!({ "filter": filter })).await;
    filtered.ready().await;
    let mut statuses = app.watch(&app.gql()).await;
    for to in ["+12065550122", "+12065550121", "+12065550123", "+12065550121"] {
        let id = app.gql().send(to, "Hello", &format!("{to}{}", app.requests(to).await)).await;
        statuses.until(&id, "DELIVERED").await;
    }
    for _ in 0..2 {
        let node = filtered.next().await["messageStatusChanged"]["node"].take();
        assert_eq!(node, json!({ "to": "+12065550121", "status": "DELIVERED" }));
    }
}

/// The code of the error that a subscription begins with; null when it begins with an event.
async fn refusal(app: &TestApp, gql: &Gql, after: &str) -> Value {
    let variables = json!({ "after": after });
    let mut subscription = Subscription::open(app.apps[0].addr, &gql.token, FOLLOW, variables).await;
    let message = subscription.hear().await.unwrap();
    let payload = &message["payload"];
    let errors = if payload.is_array() { payload } else { &payload["errors"] };
    errors[0]["extensions"]["code"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_are_forged_foreign_or_too_old_are_refused() {
    let settings = vec![("PHONEHUB_EVENT_RETENTION", "1h".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let mut subscription = app.subscribe(FOLLOW, json!({})).await;
    subscription.ready().await;
    say(&app, "one").await;
    let (old, _) = next(&mut subscription).await;
    let (_, token) = app.another_organization("Other").await;
    assert_eq!(refusal(&app, &app.gql_as(&token), &old).await, "INVALID_CURSOR", "foreign");
    let other = if &old[12..13] == "x" { "y" } else { "x" };
    let flipped = format!("{}{other}{}", &old[..12], &old[13..]);
    for forged in [flipped.as_str(), "", "0", &old[1..]] {
        assert_eq!(refusal(&app, &app.gql(), forged).await, "INVALID_CURSOR", "{forged}");
    }
    say(&app, "two").await;
    app.clock.advance(chrono::Duration::hours(3));
    eventually("the log is cut", async || {
        // The sweep looks when the clock moves.
        app.clock.advance(chrono::Duration::minutes(11));
        (refusal(&app, &app.gql(), &old).await == "CURSOR_TOO_OLD").then_some(())
    })
    .await;
    say(&app, "three").await;
    assert_eq!(next(&mut subscription).await.1, "two");
    assert_eq!(next(&mut subscription).await.1, "three", "who was there goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token() {
    let app = TestApp::start().await;
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada",
        "organizationName": "Ada & Co" });
    let signed_up = app.gql_as("").ok(SIGN_UP, json!({ "input": input })).await["signUp"].take();
    assert_eq!(signed_up["userErrors"], json!([]));
    let owner = app.gql_as(signed_up["tokens"]["accessToken"].as_str().unwrap());
    let input = json!({ "name": "partner", "scopes": ["MESSAGES_READ"] });
    let key = owner.ok(CREATE_KEY, json!({ "input": input })).await["createApiKey"].take();
    let secret = key["secret"].as_str().unwrap();

    let mut by_key = Subscription::open(app.apps[0].addr, secret, FOLLOW, json!({})).await;
    by_key.ready().await;
    let mut by_session = Subscription::open(app.apps[0].addr, &owner.token, FOLLOW, json!({})).await;
    by_session.ready().await;
    let revoked = owner.ok(REVOKE_KEY, json!({ "input": { "apiKeyId": key["apiKey"]["id"] } })).await;
    assert_eq!(revoked["revokeApiKey"]["userErrors"], json!([]));
    let begun = Instant::now();
    assert_eq!(by_key.close_code().await, 4403);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    by_session.ready().await;
    app.clock.advance(chrono::Duration::minutes(16));
    assert_eq!(by_session.close_code().await, 4403);
}

/// Its events are large, it does not read, and soon no buffer on the way has room left.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_is_closed_and_resumes_where_it_was() {
    const LARGE: &str = "subscription($after: String) { messageReceived(after: $after) { cursor node { \
         body a: body b: body c: body d: body e: body f: body g: body h: body i: body j: body k: body l: body \
         m: body n: body o: body p: body q: body r: body s: body t: body } } }";
    const SLOW: &str = "phonehub_slow_subscribers_total";
    let settings = vec![("PHONEHUB_SUBSCRIBER_QUEUE", "4".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let mut slow = app.subscribe(LARGE, json!({})).await;
    slow.ready().await;
    let mut quick = app.subscribe(FOLLOW, json!({})).await;
    quick.ready().await;
    let filling = "\u{4e16}".repeat(1500);
    let mut sent = Vec::new();
    let before = app.metric(SLOW).await;
    while app.metric(SLOW).await <= before {
        assert!(sent.len() < 300, "nobody found it slow");
        sent.push(format!("{} {filling}", sent.len()));
        say(&app, sent.last().unwrap()).await;
        assert_eq!(next(&mut quick).await.1, *sent.last().unwrap());
    }
    let mut seen = Vec::new();
    let mut last = Value::Null;
    while let Some(message) = slow.hear().await {
        if message["type"] == "next" {
            let edge = &message["payload"]["data"]["messageReceived"];
            last = edge["cursor"].clone();
            seen.push(edge["node"]["body"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(slow.closed_with(), Some(1013));
    assert!(seen.len() < sent.len(), "it was never slow");
    let mut resumed = app.subscribe(FOLLOW, json!({ "after": last })).await;
    while seen.len() < sent.len() {
        seen.push(next(&mut resumed).await.1);
    }
    assert!(seen == sent, "something is missing or came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_one_instance_reaches_a_subscriber_of_another() {
    let mut app = TestApp::start().await;
    let other = app.another_instance().await;
    let mut there = Subscription::open(other, &app.token, FOLLOW, json!({})).await;
    there.ready().await;
    for n in 0..20 {
        say(&app, &n.to_string()).await;
    }
    for n in 0..20 {
        assert_eq!(next(&mut there).await.1, n.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_resumes_by_its_last_event_id() {
    let app = TestApp::start().await;
    let mut stream = EventStream::open(&app, None).await;
    say(&app, "one").await;
    let (id, data) = stream.next().await;
    assert_eq!(data["data"]["messageReceived"]["node"]["body"], "one");
    assert_eq!(data["data"]["messageReceived"]["cursor"], id);
    drop(stream);
    say(&app, "two").await;
    let mut resumed = EventStream::open(&app, Some(&id)).await;
    say(&app, "three").await;
    for body in ["two", "three"] {
        assert_eq!(resumed.next().await.1["data"]["messageReceived"]["node"]["body"], body);
    }
}

/// A client of `/graphql/stream`.
struct EventStream {
    response: reqwest::Response,
    text: String,
}

impl EventStream {
    async fn open(app: &TestApp, last: Option<&str>) -> Self {
        let url = format!("{}/graphql/stream", app.url());
        let request = app.http.post(url).bearer_auth(&app.token).header("accept", "text/event-stream");
        let request = request.json(&json!({ "query": FOLLOW }));
        let request = if let Some(id) = last { request.header("last-event-id", id) } else { request };
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self { response, text: String::new() }
    }

    /// The id and the data of the next event.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = (line("id: "), line("data: "));
                self.text = rest.to_owned();
                if let (Some(id), Some(data)) = found {
                    return (id, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("nothing came in time").unwrap().expect("an open stream");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

//! Outgoing webhooks: what is committed reaches a partner's server, signed, in order, and again until it is taken.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use phonehub::base::events;
use serde_json::{Value, json};

use crate::harness::{Endpoint, Gql, Hook, Receiver, Reply, TestApp, eventually};

const STATUS: &str = "MESSAGE_STATUS_CHANGED";
const STATUS_KIND: &str = "message.status_changed";
const ROTATE: &str = "mutation($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { \
     secret userErrors { code } } }";
const UPDATE: &str = "mutation($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) { \
     webhookEndpoint { isEnabled disabledReason } userErrors { code field } } }";
const REDELIVER: &str = "mutation($input: RedeliverInput!) { redeliver(input: $input) { \
     webhookEndpoint { id } userErrors { code field } } }";

/// Sends a text and waits until its life is over.
async fn delivered(app: &TestApp, key: &str) -> String {
    let id = app.send("+12065550108", key, key).await;
    eventually("the message is delivered", async || {
        (app.gql().message(&id).await["status"] == "DELIVERED").then_some(())
    })
    .await;
    id
}

/// The positions of all events of a kind, in the log's order.
async fn logged(app: &TestApp, kind: &str) -> Vec<i64> {
    let log = events::read_after(app.hub().db.read(), app.organization.id, 0).await.unwrap();
    log.iter().filter(|event| *event.kind == *kind).map(|event| event.position).collect()
}

/// Which events came, sorted: the order of arrivals is the partner's network's affair.
fn positions(hooks: &[Hook]) -> Vec<i64> {
    let mut positions: Vec<i64> = hooks.iter().map(Hook::position).collect();
    positions.sort_unstable();
    positions
}

/// The first attempts' times in the order of positions.
fn starts(endpoint: &Value) -> Vec<DateTime<Utc>> {
    let mut rows = endpoint["deliveries"]["nodes"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["position"].as_i64());
    rows.iter().map(|row| row["attempts"][0]["startedAt"].as_str().unwrap().parse().unwrap()).collect()
}

/// The endpoint once nothing is pending any more.
async fn settled(gql: &Gql, endpoint: &Endpoint) -> Value {
    eventually("nothing is pending", async || {
        let found = gql.webhook_endpoint(&endpoint.id).await;
        let open = |delivery: &Value| delivery["status"] == "PENDING";
        (!found["deliveries"]["nodes"].as_array().unwrap().iter().any(open)).then_some(found)
    })
    .await
}

/// The delivery of one event, once it has this status.
async fn delivery(app: &TestApp, endpoint: &Endpoint, webhook_id: &str, status: &str) -> Value {
    eventually("the delivery's status", async || {
        let mut found = app.gql().webhook_endpoint(&endpoint.id).await;
        let nodes = found["deliveries"]["nodes"].as_array_mut().unwrap();
        nodes
            .iter_mut()
            .find(|row| row["webhookId"] == webhook_id && row["status"] == status)
            .map(Value::take)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_signed_in_order_and_once_whichever_instance_commits_them() {
    let mut app = TestApp::start().await;
    app.another_instance().await;
    let receiver = Receiver::start().await;
    let endpoint = app.gql().endpoint(&receiver.url, &[STATUS, "MESSAGE_RECEIVED"]).await;
    for n in 0..6 {
        app.gql_at(n % 2).send("+12065550108", &format!("Hello {n}"), &format!("order {n}")).await;
    }
    let finished = |hooks: &[Hook]| {
        let count = |wanted: &dyn Fn(&Value) -> bool| hooks.iter().filter(|hook| wanted(&hook.body)).count();
        count(&|body| body["data"]["message"]["status"] == "DELIVERED") == 6
            && count(&|body| body["type"] == "message.received") == 6
    };
    let seen = receiver.until_seen("six messages delivered and answered", finished).await;
    let mut expected = logged(&app, STATUS_KIND).await;
    expected.extend(logged(&app, "message.received").await);
    expected.sort_unstable();
    assert_eq!(positions(&seen), expected, "each once");
    for hook in &seen {
        assert!(hook.is_signed_with(&endpoint.secret));
        assert_eq!(hook.signatures.len(), 1);
        assert_eq!(hook.body["organizationId"], json!(app.organization.id));
        assert!(hook.id.ends_with(&format!("_{}", hook.position())), "{}", hook.id);
    }
    let first = &seen[0].body;
    assert_eq!(first["type"], STATUS_KIND);
    assert_eq!(first["data"]["message"]["status"], "QUEUED");
    assert_eq!(first["data"]["message"].get("organizationId"), None, "no internal columns");
    let found = settled(&app.gql(), &endpoint).await;
    assert!(starts(&found).is_sorted(), "first attempts start in order of position");
    for delivery in found["deliveries"]["nodes"].as_array().unwrap() {
        assert_eq!(delivery["status"], "DELIVERED");
        assert_eq!(delivery["attempts"][0]["httpStatus"], 204);
        assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_retried_by_itself_and_holds_up_nothing() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let mut failing = None::<String>;
    let mut tries = 0;
    receiver.answer(move |hook| {
        if failing.get_or_insert_with(|| hook.id.clone()) != &hook.id {
            return Reply::Status(200);
        }
        tries += 1;
        match tries {
            1 => Reply::RetryAfter(503, 3_600),
            2 => Reply::Status(500),
            _ => Reply::Status(200),
        }
    });
    let endpoint = app.gql().endpoint(&receiver.url, &[STATUS]).await;
    delivered(&app, "first").await;
    let expected = logged(&app, STATUS_KIND).await;
    assert_eq!(positions(&receiver.until(expected.len()).await), expected, "the failed one holds up nothing");

    let failed = receiver.seen()[0].clone();
    let waiting = delivery(&app, &endpoint, &failed.id, "RETRYING").await;
    assert_eq!(waiting["attempts"][0]["error"], "503 Service Unavailable");
    let due = |row: &Value| row["nextAttemptAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(due(&waiting) - app.clock.now() > Duration::minutes(58), "Retry-After outweighs five seconds");
    assert_eq!(receiver.seen().len(), expected.len(), "not before its time");

    app.clock.advance(Duration::hours(1));
    receiver.until(expected.len() + 1).await;
    let again = eventually("the second failure is recorded", async || {
        let row = delivery(&app, &endpoint, &failed.id, "RETRYING").await;
        (row["attempts"].as_array().unwrap().len() == 2 && due(&row) > app.clock.now()).then_some(row)
    })
    .await;
    let pause = due(&again) - app.clock.now();
    assert!(pause > Duration::minutes(3) && pause <= Duration::minutes(6), "{pause}");
    app.clock.advance(Duration::minutes(6));
    let seen = receiver.until(expected.len() + 2).await;
    let last = seen.last().unwrap();
    assert_eq!((&last.id, &last.raw), (&failed.id, &failed.raw), "the same event, byte by byte");
    assert!(last.timestamp > failed.timestamp && last.is_signed_with(&endpoint.secret));
    let done = delivery(&app, &endpoint, &failed.id, "DELIVERED").await;
    let statuses: Vec<&Value> =
        done["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["httpStatus"]).collect();
    assert_eq!(statuses, [503, 500, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_holds_up_neither_its_own_later_events_nor_other_endpoints() {
    let app = TestApp::start().await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    let mut first = None::<String>;
    slow.answer(move |hook| {
        let hangs = first.get_or_insert_with(|| hook.id.clone()) == &hook.id;
        if hangs { Reply::Hang } else { Reply::Status(200) }
    });
    let hanging = app.gql().endpoint(&slow.url, &[STATUS]).await;
    app.gql().endpoint(&quick.url, &[STATUS]).await;
    delivered(&app, "hang").await;
    let expected = logged(&app, STATUS_KIND).await;
    assert_eq!(positions(&quick.until(expected.len()).await), expected);
    assert_eq!(positions(&slow.until(expected.len()).await), expected);
    slow.release();
    let found = settled(&app.gql(), &hanging).await;
    assert!(found["deliveries"]["nodes"].as_array().unwrap().iter().all(|row| row["status"] != "FAILED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_rotated_both_sign() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let gql = app.gql();
    let endpoint = gql.endpoint(&receiver.url, &["CONTACT_UPDATED"]).await;
    let next = async |name: &str| {
        let before = receiver.seen().len();
        upsert(&gql, name).await;
        receiver.until(before + 1).await.pop().unwrap()
    };
    let rotate = async |seconds: i64| {
        let input = json!({ "id": endpoint.id, "overlapSeconds": seconds });
        let answer = gql.ok(ROTATE, json!({ "input": input })).await;
        answer["rotateWebhookSecret"]["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(3_600).await;
    let hook = next("Ann").await;
    assert_eq!(hook.signatures.len(), 2);
    assert!(hook.is_signed_with(&endpoint.secret) && hook.is_signed_with(&second));
    app.clock.advance(Duration::hours(2));
    let hook = next("Bob").await;
    assert!(hook.is_signed_with(&second) && !hook.is_signed_with(&endpoint.secret));
    let third = rotate(0).await;
    let hook = next("Cid").await;
    assert_eq!(hook.signatures.len(), 1);
    assert!(hook.is_signed_with(&third), "0 seconds of overlap end the others at once");
    let shown = gql.webhook_endpoint(&endpoint.id).await;
    assert_eq!(shown["secrets"], json!([{ "hint": third[third.len() - 4..], "expiresAt": null }]));
}

async fn upsert(gql: &Gql, name: &str) {
    let save =
        "mutation($input: UpsertContactInput!) { upsertContact(input: $input) { userErrors { code } } }";
    let input = json!({ "externalId": name, "name": name });
    let answer = gql.ok(save, json!({ "input": input })).await;
    assert_eq!(answer["upsertContact"]["userErrors"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_gets_nothing_more_and_the_others_are_told() {
    let app = TestApp::start().await;
    let (gone, witness) = (Receiver::start().await, Receiver::start().await);
    gone.answer(|_| Reply::Status(410));
    let gql = app.gql();
    let endpoint = gql.endpoint(&gone.url, &["CONTACT_UPDATED"]).await;
    gql.endpoint(&witness.url, &["WEBHOOK_ENDPOINT_DISABLED", "CONTACT_UPDATED"]).await;
    upsert(&gql, "Ann").await;
    let told = witness
        .until_seen("the notice", |seen| {
            seen.iter().any(|hook| hook.body["type"] == "webhook_endpoint.disabled")
        })
        .await;
    let notice = told.iter().find(|hook| hook.body["type"] == "webhook_endpoint.disabled").unwrap();
    assert_eq!(notice.body["subject"], endpoint.id);
    assert_eq!(notice.body["data"]["reason"], "GONE");
    let found = gql.webhook_endpoint(&endpoint.id).await;
    assert_eq!((&found["isEnabled"], &found["disabledReason"]), (&json!(false), &json!("GONE")));

    let came = gone.seen().len();
    upsert(&gql, "Bob").await;
    witness.until(told.len() + 1).await;
    assert_eq!(gone.seen().len(), came);
    let refused =
        redeliver(&gql, json!({ "endpoint": { "id": endpoint.id, "since": "2026-01-01T00:00:00Z" } })).await;
    assert_eq!(refused["userErrors"][0]["code"], "CONFLICT");

    gone.answer(|_| Reply::Status(200));
    let input = json!({ "id": endpoint.id, "isEnabled": true });
    let answer = gql.ok(UPDATE, json!({ "input": input })).await;
    assert_eq!(answer["updateWebhookEndpoint"]["webhookEndpoint"]["isEnabled"], true);
    upsert(&gql, "Cid").await;
    let seen = gone.until(came + 1).await;
    assert_eq!(seen.last().unwrap().body["data"]["name"], "Cid", "what was missed waits for redeliver");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_for_days_is_disabled() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    receiver.answer(|_| Reply::Status(500));
    let gql = app.gql();
    let endpoint = gql.endpoint(&receiver.url, &["CONTACT_UPDATED"]).await;
    upsert(&gql, "Ann").await;
    let id = receiver.until(1).await[0].id.clone();
    delivery(&app, &endpoint, &id, "RETRYING").await;
    assert_eq!(gql.webhook_endpoint(&endpoint.id).await["isEnabled"], true);
    app.clock.advance(Duration::days(5));
    receiver.until(2).await;
    delivery(&app, &endpoint, &id, "FAILED").await;
    let found = gql.webhook_endpoint(&endpoint.id).await;
    assert_eq!((&found["isEnabled"], &found["disabledReason"]), (&json!(false), &json!("FAILING")));
}

async fn redeliver(gql: &Gql, input: Value) -> Value {
    gql.ok(REDELIVER, json!({ "input": input })).await["redeliver"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_delivered_again_under_the_same_ids() {
    let app = TestApp::start().await;
    let receiver = Receiver::start().await;
    let gql = app.gql();
    upsert(&gql, "before the endpoint").await;
    let endpoint = gql.endpoint(&receiver.url, &["CONTACT_UPDATED"]).await;
    for name in ["Ann", "Bob", "Cid"] {
        upsert(&gql, name).await;
    }
    let seen = receiver.until(3).await;
    let found = settled(&gql, &endpoint).await;
    let one =
        found["deliveries"]["nodes"].as_array().unwrap().iter().find(|row| row["webhookId"] == seen[1].id);
    let answer = redeliver(&gql, json!({ "deliveryId": one.unwrap()["id"] })).await;
    assert_eq!(answer["userErrors"], json!([]));
    let again = receiver.until(4).await;
    assert_eq!((&again[3].id, &again[3].raw), (&seen[1].id, &seen[1].raw));

    let everything = json!({ "endpoint": { "id": endpoint.id, "since": "2026-01-01T00:00:00Z" } });
    assert_eq!(redeliver(&gql, everything).await["userErrors"], json!([]));
    let all = receiver.until(8).await;
    assert_eq!(positions(&all[4..]), logged(&app, "contact.updated").await, "also from before the endpoint");
    let ids = |hooks: &[Hook]| hooks.iter().map(|hook| hook.id.clone()).collect::<BTreeSet<_>>();
    assert!(ids(&all[4..]).is_superset(&ids(&seen)));
    let found = settled(&gql, &endpoint).await;
    assert_eq!(found["deliveries"]["nodes"].as_array().unwrap().len(), 4, "no second row for an event");
}

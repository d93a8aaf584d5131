//! Subscriptions: replay from a cursor, then live; nothing missing, nothing twice, nothing old, nothing foreign.

use chrono::Duration;
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};

use super::{Office, data, nothing, watch};
use crate::base::{
    caller::{Caller, KeyHolder, Permission},
    ctx::Ctx,
    events,
};

const STATUS: &str = "subscription($after: String, $filter: MessageEventFilter) {
    messageStatusChanged(after: $after, filter: $filter) { cursor node { id to status } } }";

/// The next edge of the one root field; a subscription that stays silent fails the test.
async fn next(answers: &mut (impl Stream<Item = Value> + Unpin)) -> Value {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), answers.next()).await;
    let mut answer = waited.expect("an event").expect("an open subscription");
    assert_eq!(answer.get("errors"), None, "{answer}");
    let fields = answer["data"].as_object_mut().unwrap();
    assert_eq!(fields.len(), 1);
    fields.values_mut().next().unwrap().take()
}

async fn refused(ctx: &Ctx, document: &str, variables: Value) -> Value {
    let mut answer = watch(ctx, document, variables).await.next().await.expect("an answer");
    answer["errors"][0]["extensions"]["code"].take()
}

#[tokio::test]
async fn a_resumed_subscription_replays_and_goes_on_live_without_a_gap() {
    let office = Office::open().await;
    let mut live = watch(&office.ctx, STATUS, nothing()).await;
    let first = office.sent("+12065550101").await;
    let seen = next(&mut live).await;
    assert_eq!(seen["node"], json!({ "id": first.id.to_string(), "to": "+12065550101", "status": "QUEUED" }));

    // Each message is two changes: accepted, then handed over. The second change of the first one was missed too.
    let missed = office.sent("+12065550102").await;
    let mut resumed = watch(&office.ctx, STATUS, json!({ "after": seen["cursor"] })).await;
    let mut told = vec![next(&mut resumed).await];
    let later = office.sent("+12065550103").await;
    for _ in 0..4 {
        told.push(next(&mut resumed).await);
    }
    let told: Vec<Value> =
        told.into_iter().map(|edge| json!([edge["node"]["id"], edge["node"]["status"]])).collect();
    let [first, missed, later] = [first, missed, later].map(|message| message.id.to_string());
    let expected = json!([
        [first, "SENDING"],
        [missed, "QUEUED"],
        [missed, "SENDING"],
        [later, "QUEUED"],
        [later, "SENDING"],
    ]);
    assert_eq!(Value::from(told), expected);
}

#[tokio::test]
async fn one_cursor_serves_every_subscription_of_the_organisation_and_no_other() {
    let office = Office::open().await;
    let everything = "subscription($after: String) { events(after: $after) { cursor node {
        type subject data message { id } conversation { id contactNumber } } } }";
    let mut events = watch(&office.ctx, everything, nothing()).await;
    let message = office.sent("+12065550101").await;
    let conversation = next(&mut events).await;
    assert_eq!(conversation["node"]["type"], "CONVERSATION_UPDATED");
    assert_eq!(conversation["node"]["conversation"]["contactNumber"], "+12065550101");
    assert_eq!(conversation["node"]["message"], Value::Null);
    let accepted = next(&mut events).await;
    assert_eq!(accepted["node"]["subject"], message.id.to_string());
    assert_eq!(accepted["node"]["data"]["message"]["status"], "QUEUED");
    assert_eq!(accepted["node"]["data"]["message"]["organizationId"], Value::Null);

    let mut status = watch(&office.ctx, STATUS, json!({ "after": conversation["cursor"] })).await;
    assert_eq!(next(&mut status).await["cursor"], accepted["cursor"]);

    let other = office.stage.ctx(office.stage.organization("Other").await);
    let stolen = json!({ "after": accepted["cursor"] });
    assert_eq!(refused(&other, STATUS, stolen).await, "INVALID_CURSOR");
    assert_eq!(refused(&office.ctx, STATUS, json!({ "after": "nonsense" })).await, "INVALID_CURSOR");
    let page = data(&office.ctx, "{ messages { edges { cursor } } }", nothing()).await;
    let of_a_list = json!({ "after": page["messages"]["edges"][0]["cursor"] });
    assert_eq!(refused(&office.ctx, STATUS, of_a_list).await, "INVALID_CURSOR");
}

#[tokio::test]
async fn a_cursor_behind_the_retention_is_told_and_one_ahead_of_the_log_is_refused() {
    let office = Office::open().await;
    let mut live = watch(&office.ctx, STATUS, nothing()).await;
    office.sent("+12065550101").await;
    let first = next(&mut live).await;
    office.sent("+12065550102").await;
    let mut last = first.clone();
    for _ in 0..3 {
        last = next(&mut live).await;
    }
    let tomorrow = office.ctx.now() + Duration::days(1);
    let own = office.ctx.organization().unwrap();
    let tx = office.ctx.begin().await.unwrap();
    events::forget_before(&office.ctx.hub, &*tx, own, tomorrow).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refused(&office.ctx, STATUS, json!({ "after": first["cursor"] })).await, "CURSOR_TOO_OLD");

    // The last cursor still stands at the end of the log, until a restored copy has less of it.
    let mut at_the_end = watch(&office.ctx, STATUS, json!({ "after": last["cursor"] })).await;
    let sent = office.sent("+12065550103").await;
    let edge = next(&mut at_the_end).await;
    assert_eq!(edge["node"]["id"], sent.id.to_string());
    let tx = office.ctx.begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&*tx, "UPDATE event_counters SET position = 1")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refused(&office.ctx, STATUS, json!({ "after": last["cursor"] })).await, "INVALID_CURSOR");
}

#[tokio::test]
async fn filters_choose_and_relations_are_read_afresh() {
    let office = Office::open().await;
    let filter = json!({ "contactNumber": "(206) 555-0102", "direction": "OUTBOUND", "status": ["SENDING"] });
    let document = "subscription($filter: MessageEventFilter) { messageStatusChanged(filter: $filter) {
        node { id status conversation { lastMessage { id } } } } }";
    let mut chosen = watch(&office.ctx, document, json!({ "filter": filter })).await;
    office.sent("+12065550101").await;
    let sent = office.sent("+12065550102").await;
    let edge = next(&mut chosen).await;
    let expected = |id: String| {
        json!({ "node": {
        "id": id, "status": "SENDING", "conversation": { "lastMessage": { "id": id } } } })
    };
    assert_eq!(edge, expected(sent.id.to_string()));
    let sent = office.sent("+12065550102").await;
    let edge = next(&mut chosen).await;
    assert_eq!(edge, expected(sent.id.to_string()));
}

#[tokio::test]
async fn inbound_messages_and_conversations_arrive() {
    let office = Office::open().await;
    let received = "subscription { messageReceived { node { from to body status contact { id } } } }";
    let updated = "subscription { conversationUpdated { node { contactNumber unreadCount } } }";
    let (mut received, mut updated) =
        (watch(&office.ctx, received, nothing()).await, watch(&office.ctx, updated, nothing()).await);
    office.received("SM1", "Hello").await;
    let (message, conversation) = (next(&mut received).await, next(&mut updated).await);
    assert_eq!(message["node"]["from"], "+12065550100");
    assert_eq!(message["node"]["body"], "Hello");
    assert_eq!(message["node"]["status"], "RECEIVED");
    assert_eq!(conversation["node"], json!({ "contactNumber": "+12065550100", "unreadCount": 1 }));
}

#[tokio::test]
async fn scopes_decide_what_is_shown() {
    let office = Office::open().await;
    let key = |scopes| {
        let caller = Caller::Key(KeyHolder {
            api_key_id: entity::ids::ApiKeyId::new(),
            organization_id: office.organization,
            scopes,
            expires_at: None,
        });
        Ctx { caller, ..office.ctx.clone() }
    };
    let configs = "subscription { events(types: [CARRIER_CONFIG_SAVED]) { cursor } }";
    assert_eq!(refused(&key(vec![Permission::MessagesSend]), STATUS, nothing()).await, "FORBIDDEN");
    assert_eq!(refused(&key(vec![Permission::MessagesRead]), configs, nothing()).await, "FORBIDDEN");
    let all = "subscription { events { node { type } } }";
    let mut shown = watch(&key(vec![Permission::MessagesRead]), all, nothing()).await;
    office.stage.config(office.organization, false).await;
    office.sent("+12065550101").await;
    let edge = next(&mut shown).await;
    assert_eq!(edge["node"]["type"], "CONVERSATION_UPDATED", "the saved config is not for this key");
}

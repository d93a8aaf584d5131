//! Filters: what each field says, how they combine, what is refused, and that lists are found through indexes.

use entity::{Tenanted, conversation, message};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use serde_json::{Value, json};

use super::{Office, data, refusal};
use crate::{
    base::phone::Region,
    features::messages::graphql::{ConversationFilter, MessageFilter, Reading},
};

const LIST: &str =
    "query($filter: MessageFilter) { messages(filter: $filter) { nodes { from to direction } } }";

async fn count(office: &Office, filter: &Value) -> usize {
    let found = data(&office.ctx, LIST, json!({ "filter": filter })).await;
    found["messages"]["nodes"].as_array().unwrap().len()
}

#[tokio::test]
async fn every_field_narrows_and_they_combine() {
    let office = Office::open().await;
    let first = office.sent("+12065550101").await;
    office.sent("+12065550102").await;
    office.received("SM1", "Hello").await;
    let conversation = first.conversation_id.to_string();
    let contact = data(
        &office.ctx,
        "{ messages(filter: { direction: { eq: INBOUND } }) { nodes { contact { id } } } }",
        json!({}),
    )
    .await["messages"]["nodes"][0]["contact"]["id"]
        .take();
    let out = json!({ "direction": { "eq": "OUTBOUND" } });
    for (filter, expected) in [
        (json!({}), 3),
        (out.clone(), 2),
        (json!({ "direction": { "in": ["INBOUND", "OUTBOUND"] } }), 3),
        (json!({ "direction": { "in": [] } }), 0),
        (json!({ "status": { "eq": "SENDING" } }), 2),
        (json!({ "status": { "in": ["RECEIVED", "FAILED"] } }), 1),
        (json!({ "to": { "eq": "(206) 555-0101" } }), 1),
        (json!({ "to": { "in": ["206.555.0101", "+12065550102"] } }), 2),
        (json!({ "from": { "eq": "+12065550100" } }), 1),
        (json!({ "conversationId": { "eq": conversation } }), 1),
        (json!({ "contactId": { "eq": contact } }), 1),
        (json!({ "not": { "contactId": { "eq": contact } } }), 2),
        (json!({ "numberId": { "eq": first.number_id.unwrap().to_string() } }), 3),
        (json!({ "authorId": { "eq": "usr_00000000000000000000000000" } }), 0),
        (json!({ "not": { "authorId": { "eq": "usr_00000000000000000000000000" } } }), 3),
        (json!({ "isTest": { "eq": true } }), 3),
        (json!({ "createdAt": { "gte": "2020-01-01T00:00:00Z", "lt": "2021-01-01T00:00:00Z" } }), 0),
        (json!({ "createdAt": { "gte": first.created_at } }), 3),
        (json!({ "or": [{ "to": { "eq": "+12065550101" } }, { "direction": { "eq": "INBOUND" } }] }), 2),
        (json!({ "and": [out, { "to": { "eq": "+12065550101" } }] }), 1),
        (json!({ "direction": { "eq": "INBOUND" }, "to": { "eq": "+12065550101" } }), 0),
    ] {
        assert_eq!(count(&office, &filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn filters_without_sense_or_end_are_refused() {
    let office = Office::open().await;
    let mut deep = json!({ "direction": { "eq": "INBOUND" } });
    for _ in 0..5 {
        deep = json!({ "not": deep });
    }
    let one = json!({ "direction": { "eq": "INBOUND" } });
    for (filter, code) in [
        (deep, "BAD_USER_INPUT"),
        (json!({ "or": vec![one; 100] }), "BAD_USER_INPUT"),
        (json!({ "to": { "in": vec!["+12065550101"; 101] } }), "BAD_USER_INPUT"),
        (json!({ "or": [] }), "BAD_USER_INPUT"),
        (json!({ "or": [{}] }), "BAD_USER_INPUT"),
        (json!({ "not": {} }), "BAD_USER_INPUT"),
        (json!({ "to": { "eq": "'; DROP TABLE messages; --" } }), "INVALID_NUMBER"),
    ] {
        assert_eq!(refusal(&office.ctx, LIST, json!({ "filter": filter })).await, code, "{filter}");
    }
}

#[tokio::test]
async fn conversations_are_found_by_number_person_and_writer() {
    let office = Office::open().await;
    let sent = office.sent("+12065550101").await;
    office.received("SM1", "Hello").await;
    let list = "query($filter: ConversationFilter) { conversations(filter: $filter) {
        nodes { contactNumber contact { id } number { id } } } }";
    let all = data(&office.ctx, list, json!({})).await["conversations"]["nodes"].take();
    let inbound = all.as_array().unwrap().iter().find(|row| row["contactNumber"] == "+12065550100").unwrap();
    let number = sent.number_id.unwrap().to_string();
    assert_eq!(inbound["number"]["id"], number);
    for (filter, expected) in [
        (json!({ "number": number }), 2),
        (json!({ "sender": "206-555-0150" }), 2),
        (json!({ "contact": inbound["contact"]["id"] }), 1),
        (json!({ "contactNumber": "206 555 0101" }), 1),
        (json!({ "unread": true }), 1),
        (json!({ "unread": false }), 1),
        (json!({ "user": "usr_00000000000000000000000000" }), 0),
    ] {
        let found = data(&office.ctx, list, json!({ "filter": filter })).await;
        assert_eq!(found["conversations"]["nodes"].as_array().unwrap().len(), expected, "{filter}");
    }
}

/// Plans of the lists on SQLite, as `page::fetch` orders them: searched by index and already in order.
#[tokio::test]
async fn lists_are_searched_and_never_sorted() {
    let office = Office::open().await;
    let reading = Reading { organization: office.organization, region: Region::US };
    let sent = office.sent("+12065550101").await;
    let messages = |filter: MessageFilter| {
        message::Entity::in_org(office.organization).filter(filter.condition(reading).unwrap())
    };
    let conversations = |filter: ConversationFilter| {
        conversation::Entity::in_org(office.organization).filter(filter.condition(reading).unwrap())
    };
    let by_time = [message::Column::CreatedAt, message::Column::Id];
    let of_conversation = message::Entity::in_org(office.organization)
        .filter(message::Column::ConversationId.eq(sent.conversation_id));
    assert_plan(&office, messages(MessageFilter::default()), by_time, "messages_page").await;
    assert_plan(&office, of_conversation, by_time, "messages_conversation").await;
    let by_last = [conversation::Column::LastMessageAt, conversation::Column::Id];
    assert_plan(&office, conversations(ConversationFilter::default()), by_last, "conversations_page").await;
    let with =
        ConversationFilter { contact_number: Some("+12065550101".into()), ..ConversationFilter::default() };
    assert_plan(&office, conversations(with), by_last, "conversations_contact_number").await;
    let user = ConversationFilter { user: Some(entity::ids::UserId::new()), ..ConversationFilter::default() };
    assert_plan(&office, conversations(user), by_last, "conversations_page").await;
}

async fn assert_plan<E: EntityTrait>(office: &Office, list: Select<E>, order: [E::Column; 2], index: &str) {
    let page = order.into_iter().fold(list, Select::order_by_desc).limit(21);
    let mut statement = page.build(DatabaseBackend::Sqlite);
    statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let rows = office.stage.hub.db.read().query_all_raw(statement).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
    assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:?}");
    assert!(plan.iter().all(|step| !step.starts_with("SCAN") || step.contains("CONSTANT ROW")), "{plan:?}");
    assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
}

//! Mutations and what they show: sending, reading, and bringing dead jobs back.

use chrono::{DateTime, Utc};
use entity::{
    enums::Role,
    ids::{ApiKeyId, SessionId, UserId},
    job, user,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use serde_json::{Value, json};

use super::{Office, data, nothing, refusal};
use crate::base::{
    caller::{Caller, KeyHolder, Member, Permission},
    ctx::Ctx,
};

async fn member(office: &Office, role: Role) -> Ctx {
    let now = office.ctx.now();
    let id = UserId::new();
    let row = user::ActiveModel {
        id: Set(id),
        email: Set(format!("{id}@example.com")),
        name: Set("Ada".into()),
        phone: Set(None),
        password_hash: Set("never".into()),
        is_operator: Set(false),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let tx = office.ctx.begin().await.unwrap();
    row.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    let caller = Caller::Member(Member {
        user_id: id,
        organization_id: office.organization,
        role,
        is_operator: false,
        session_id: SessionId::new(),
        expires_at: now + chrono::Duration::minutes(15),
    });
    Ctx { caller, ..office.ctx.clone() }
}

const SEND: &str = "mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    message { id direction from to body status segments encoding country isTest priority price { amount } media { url }
        author { name user { id } apiKey { id } } conversation { contactNumber lastMessage { id } } attempts { id }
        timeline { kind detail } number { address isShared } carrierConfigId errorExplanation scheduledAt }
    userErrors { code message field } } }";

#[tokio::test]
async fn a_message_is_sent_shown_and_cancelled() {
    let office = Office::open().await;
    let ada = member(&office, Role::Agent).await;
    let input = json!({ "input": {
        "to": { "phoneNumber": "(206) 555-0101" }, "idempotencyKey": "1", "body": "Hi 👋",
        "mediaUrls": ["https://example.com/a.jpg"], "scheduledAt": "2099-01-01T00:00:00Z" } });
    let far = data(&ada, SEND, input.clone()).await["sendMessage"].take();
    assert_eq!(far["userErrors"][0]["field"], json!(["input", "scheduledAt"]));
    let mut input = input;
    input["input"]["scheduledAt"] = (ada.now() + chrono::Duration::hours(1)).to_rfc3339().into();
    let sent = data(&ada, SEND, input.clone()).await["sendMessage"].take();
    assert_eq!(sent["userErrors"], json!([]));
    let message = &sent["message"];
    for (field, expected) in [
        ("direction", json!("OUTBOUND")),
        ("to", json!("+12065550101")),
        ("from", json!("+12065550150")),
        ("status", json!("SCHEDULED")),
        ("encoding", json!("UCS2")),
        ("segments", json!(1)),
        ("country", json!("US")),
        ("isTest", json!(true)),
        ("price", Value::Null),
        ("media", json!([{ "url": "https://example.com/a.jpg" }])),
        ("attempts", json!([])),
        ("number", json!({ "address": "+12065550150", "isShared": false })),
        ("conversation", json!({ "contactNumber": "+12065550101", "lastMessage": { "id": message["id"] } })),
    ] {
        assert_eq!(message[field], expected, "{field}");
    }
    let Caller::Member(who) = &ada.caller else { unreachable!("made above") };
    let author = json!({ "name": "Ada", "user": { "id": who.user_id.to_string() }, "apiKey": null });
    assert_eq!(message["author"], author);
    let kinds: Vec<&Value> =
        message["timeline"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["ACCEPTED", "ROUTED", "CONSENT_CHECKED"]);
    assert_eq!(
        data(&ada, SEND, input).await["sendMessage"]["message"]["id"],
        message["id"],
        "the key is the same"
    );

    let cancel = "mutation($id: ID!) { cancelMessage(input: { messageId: $id }) { message { status } userErrors { code } } }";
    let canceled = data(&ada, cancel, json!({ "id": message["id"] })).await;
    assert_eq!(canceled["cancelMessage"], json!({ "message": { "status": "CANCELED" }, "userErrors": [] }));
}

#[tokio::test]
async fn exactly_one_recipient_is_taken_and_viewers_do_not_send() {
    let office = Office::open().await;
    let viewer = member(&office, Role::Viewer).await;
    let to = |to: Value| json!({ "input": { "to": to, "idempotencyKey": "1", "body": "Hi" } });
    let phone = json!({ "phoneNumber": "+12065550101" });
    assert_eq!(refusal(&viewer, SEND, to(phone)).await, "FORBIDDEN");
    let both = json!({ "phoneNumber": "+12065550101", "contactId": "con_00000000000000000000000000" });
    for wrong in [both, json!({})] {
        let answer = super::ask(&office.ctx, SEND, to(wrong)).await;
        assert!(answer["data"].is_null() && answer["errors"][0].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn reading_a_conversation_clears_its_count() {
    let office = Office::open().await;
    office.received("SM1", "Hello").await;
    let found =
        data(&office.ctx, "{ conversations { nodes { id unreadCount lastReadAt } } }", nothing()).await;
    let conversation = &found["conversations"]["nodes"][0];
    assert_eq!(conversation["unreadCount"], 1);
    let read = "mutation($id: ID!) { markConversationRead(input: { conversationId: $id }) {
        conversation { unreadCount lastReadAt } userErrors { code } } }";
    let read =
        data(&office.ctx, read, json!({ "id": conversation["id"] })).await["markConversationRead"].take();
    assert_eq!(read["conversation"]["unreadCount"], 0);
    assert!(read["conversation"]["lastReadAt"].is_string() && read["userErrors"] == json!([]));
}

#[tokio::test]
async fn dead_jobs_are_shown_to_admins_and_run_again() {
    let office = Office::open().await;
    let message = office.sent("+12065550101").await;
    let tx = office.ctx.begin().await.unwrap();
    job::Entity::update_many()
        .col_expr(job::Column::DeadAt, Some(office.ctx.now()).into())
        .col_expr(job::Column::Tries, 9.into())
        .col_expr(job::Column::LastError, "it broke".into())
        .filter(job::Column::Subject.eq(message.id.to_string()))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let list = "{ deadJobs { totalCount nodes { id subject tries lastError deadAt } } }";
    let reader = Caller::Key(KeyHolder {
        api_key_id: ApiKeyId::new(),
        organization_id: office.organization,
        scopes: vec![Permission::MessagesRead],
        expires_at: None,
    });
    assert_eq!(refusal(&Ctx { caller: reader, ..office.ctx.clone() }, list, nothing()).await, "FORBIDDEN");
    let other = office.stage.ctx(office.stage.organization("Other").await);
    assert_eq!(data(&other, list, nothing()).await["deadJobs"]["totalCount"], 0);
    let dead = data(&office.ctx, list, nothing()).await["deadJobs"]["nodes"][0].take();
    assert_eq!(dead["subject"], message.id.to_string());
    assert_eq!(dead["lastError"], "it broke");

    let redrive = "mutation($id: ID!) { redriveJob(input: { jobId: $id }) { job { deadAt tries } userErrors { code } } }";
    let foreign = data(&other, redrive, json!({ "id": dead["id"] })).await["redriveJob"].take();
    assert_eq!(foreign["userErrors"][0]["code"], "NOT_FOUND");
    let alive = data(&office.ctx, redrive, json!({ "id": dead["id"] })).await["redriveJob"].take();
    assert_eq!(alive, json!({ "job": { "deadAt": null, "tries": 0 }, "userErrors": [] }));
    let row = job::Entity::find().filter(job::Column::Subject.eq(message.id.to_string()));
    let due: DateTime<Utc> = row.one(office.stage.hub.db.read()).await.unwrap().unwrap().run_at;
    assert!(due <= office.ctx.now());
    assert_eq!(data(&office.ctx, list, nothing()).await["deadJobs"]["totalCount"], 0);
}

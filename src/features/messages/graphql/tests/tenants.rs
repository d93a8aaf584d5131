//! Another organisation's ids answer exactly as missing ones, in queries, filters and mutations.

use entity::ids::{ConversationId, JobId, MessageId};
use serde_json::{Value, json};

use super::{Office, ask};

#[tokio::test]
async fn foreign_ids_answer_as_missing_ones() {
    let office = Office::open().await;
    let theirs = office.sent("+12065550101").await;
    let stranger = office.stage.ctx(office.stage.organization("Other").await);
    let foreign =
        [theirs.id.to_string(), theirs.conversation_id.to_string(), theirs.number_id.unwrap().to_string()];
    let missing = [
        MessageId::new().to_string(),
        ConversationId::new().to_string(),
        entity::ids::NumberId::new().to_string(),
    ];
    for document in [
        "query($m: ID!, $c: ID!, $n: ID!) { message(id: $m) { id } conversation(id: $c) { id }
            messages(filter: { conversationId: { eq: $c } }) { totalCount nodes { id } }
            byNumber: messages(filter: { not: { not: { numberId: { eq: $n } } } }) { nodes { id } }
            conversations(filter: { number: $n }) { totalCount nodes { id } } }",
        "mutation($m: ID!, $c: ID!) {
            cancelMessage(input: { messageId: $m }) { message { id } userErrors { code message field } }
            resolveMessage(input: { messageId: $m, resolution: SENT }) { message { id } userErrors { code message field } }
            markConversationRead(input: { conversationId: $c }) { conversation { id } userErrors { code message field } } }",
    ] {
        let variables = |[m, c, n]: &[String; 3]| json!({ "m": m, "c": c, "n": n });
        let answer = ask(&stranger, document, variables(&foreign)).await;
        assert_eq!(answer, ask(&stranger, document, variables(&missing)).await);
        assert_eq!(answer.get("errors"), None, "{answer}");
    }
    let untouched = office.stage.message(theirs.id).await;
    assert_eq!(untouched, theirs);
}

#[tokio::test]
async fn an_id_of_another_type_is_bad_input_and_not_a_miss() {
    let office = Office::open().await;
    let document = "query($id: ID!) { message(id: $id) { id } }";
    let answer = ask(&office.ctx, document, json!({ "id": ConversationId::new().to_string() })).await;
    assert_eq!(answer["data"], Value::Null);
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("msg_"), "{answer}");
    let redrive =
        "mutation($id: ID!) { redriveJob(input: { jobId: $id }) { job { id } userErrors { code field } } }";
    let answer = ask(&office.ctx, redrive, json!({ "id": JobId::new().to_string() })).await;
    let expected = json!([{ "code": "NOT_FOUND", "field": ["input", "jobId"] }]);
    assert_eq!(answer["data"]["redriveJob"]["userErrors"], expected);
}

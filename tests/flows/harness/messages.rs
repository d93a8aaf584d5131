//! The few things that most flows do with messages, through the API.

use serde_json::{Value, json};

use super::{app::SEND, graphql::Gql, patience::eventually};

const MESSAGE: &str = "query($id: ID!) { message(id: $id) { \
     id status carrierStatus carrierMessageId from to body direction isTest segments encoding country priority \
     errorCode errorMessage errorExplanation price { amount currency } scheduledAt sentAt deliveredAt failedAt \
     attempts { id ordinal state errorCode errorMessage carrierMessageId startedAt } timeline { kind at detail } } }";
const RESOLVE: &str = "mutation($input: ResolveMessageInput!) { resolveMessage(input: $input) { \
     message { status errorMessage } userErrors { code field } } }";
const CANCEL: &str = "mutation($input: CancelMessageInput!) { cancelMessage(input: $input) { \
     message { status } userErrors { code field } } }";

impl Gql {
    /// `sendMessage` with this input: its payload. As clients should, repeats a call that the server was too busy for,
    /// under the same key.
    pub async fn try_send(&self, input: Value) -> Value {
        self.patiently(SEND, json!({ "input": input })).await["sendMessage"].take()
    }

    /// Sends a text and gives the message's id; panics on any error.
    pub async fn send(&self, to: &str, body: &str, key: &str) -> String {
        self.send_input(json!({ "to": { "phoneNumber": to }, "body": body, "idempotencyKey": key })).await
    }

    /// The same with an input of any shape.
    pub async fn send_input(&self, input: Value) -> String {
        let payload = self.try_send(input).await;
        assert_eq!(payload["userErrors"], json!([]));
        payload["message"]["id"].as_str().unwrap().to_owned()
    }

    /// A message with everything that is known of it.
    pub async fn message(&self, id: &str) -> Value {
        self.ok(MESSAGE, json!({ "id": id })).await["message"].take()
    }

    /// `resolveMessage`: its payload.
    pub async fn resolve(&self, id: &str, resolution: &str) -> Value {
        let input = json!({ "messageId": id, "resolution": resolution });
        self.ok(RESOLVE, json!({ "input": input })).await["resolveMessage"].take()
    }

    /// `cancelMessage`: its payload. Repeats a call that the server was too busy for.
    pub async fn cancel(&self, id: &str) -> Value {
        let mut answer = self.patiently(CANCEL, json!({ "input": { "messageId": id } })).await;
        answer["cancelMessage"].take()
    }

    /// The data of a call that may be repeated, as clients should, while the server is too busy for it.
    async fn patiently(&self, document: &str, variables: Value) -> Value {
        let mut answer = eventually("the server finds the time", async || {
            let answer = self.raw(document, variables.clone()).await;
            (answer["errors"][0]["extensions"]["code"] != "UNAVAILABLE").then_some(answer)
        })
        .await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].take()
    }
}

/// The kinds of a message's timeline entries, in their order.
pub fn kinds(message: &Value) -> Vec<&str> {
    message["timeline"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

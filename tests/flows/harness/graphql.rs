//! A GraphQL client as simple as `curl`.

use serde_json::{Value, json};

/// Speaks with one server under one token.
#[derive(Clone)]
pub struct Gql {
    pub http: reqwest::Client,
    pub url: String,
    pub token: String,
}

impl Gql {
    /// The whole answer.
    pub async fn raw(&self, query: &str, variables: Value) -> Value {
        let request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of an answer without errors.
    pub async fn ok(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.raw(query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].take()
    }
}

//! Messages through GraphQL, in process: a real database and the real services, without the edge.

mod cost;
mod deeds;
mod filters;
mod live;
mod pages;
mod tenants;

use async_graphql::{Request, Schema, Variables};
use entity::{carrier_config, ids::OrganizationId, message};
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};

use super::{MessagesMutation, MessagesQuery, MessagesSubscription};
use crate::{
    base::ctx::Ctx,
    features::messages::{
        receive,
        testing::{self, Stage},
    },
    graphql::{live::Opened, loader::Loaders},
};

/// One organisation with a config, and whoever asks for it.
struct Office {
    stage: Stage,
    organization: OrganizationId,
    config: carrier_config::Model,
    ctx: Ctx,
}

impl Office {
    async fn open() -> Self {
        let stage = Stage::new().await;
        let organization = stage.organization("Acme").await;
        let config = stage.config(organization, true).await;
        let ctx = stage.ctx(organization);
        Self { stage, organization, config, ctx }
    }

    /// A message on its way to this phone.
    async fn sent(&self, to: &str) -> message::Model {
        self.stage.sending(self.organization, to).await.0
    }

    /// A text that came in.
    async fn received(&self, sid: &str, body: &str) {
        receive::receive(&self.stage.hub, &self.config, &testing::text(sid, body)).await.unwrap();
    }
}

fn request(ctx: &Ctx, document: &str, variables: Value) -> Request {
    Request::new(document)
        .variables(Variables::from_json(variables))
        .data(ctx.clone())
        .data(Loaders::default())
}

fn schema() -> Schema<MessagesQuery, MessagesMutation, MessagesSubscription> {
    Schema::new(MessagesQuery, MessagesMutation, MessagesSubscription)
}

/// The whole answer.
async fn ask(ctx: &Ctx, document: &str, variables: Value) -> Value {
    serde_json::to_value(schema().execute(request(ctx, document, variables)).await).unwrap()
}

/// The data of an answer without errors.
async fn data(ctx: &Ctx, document: &str, variables: Value) -> Value {
    let mut answer = ask(ctx, document, variables).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["data"].take()
}

/// The code of the one error.
async fn refusal(ctx: &Ctx, document: &str, variables: Value) -> Value {
    let mut answer = ask(ctx, document, variables).await;
    answer["errors"][0]["extensions"]["code"].take()
}

/// Every answer of a subscription whose source is open, or that was refused: what is committed from now on reaches it.
async fn watch(ctx: &Ctx, document: &str, variables: Value) -> impl Stream<Item = Value> + Unpin + use<> {
    let opened = Opened::default();
    let answers = schema().execute_stream(request(ctx, document, variables).data(opened.clone()));
    let mut answers = Box::pin(answers.map(|answer| serde_json::to_value(answer).unwrap()).peekable());
    tokio::select! {
        () = opened.wait() => {}
        _ = answers.as_mut().peek() => {}
    }
    answers
}

fn nothing() -> Value {
    json!({})
}

//! What needs no partner's server: rules of endpoints, what the sweeps leave alone, and rotation of the master key.

mod keeping;
mod rules;

use entity::webhook_endpoint;
use secrecy::SecretString;

use super::create::{self, CreateWebhookEndpointInput};
use crate::{
    base::{
        ctx::Ctx,
        error::Result,
        tx::{NewEvent, Tx},
    },
    features::messages::graphql::EventType,
    graphql::scalars::UrlText,
};

fn wish(url: &str, types: &[EventType]) -> CreateWebhookEndpointInput {
    CreateWebhookEndpointInput { url: UrlText(url.into()), types: types.into(), description: String::new() }
}

async fn made(ctx: &Ctx) -> Result<(webhook_endpoint::Model, SecretString)> {
    create::create(ctx, wish("https://partner.example/hooks", &[EventType::ContactUpdated])).await
}

/// Something happens in the organisation.
async fn happens(ctx: &Ctx, kind: &'static str) {
    let tx = Tx::begin(&ctx.hub).await.unwrap();
    tx.emit(NewEvent {
        organization_id: ctx.organization().unwrap(),
        kind,
        subject: "con_1".into(),
        data: serde_json::json!({ "contact": { "id": "con_1" } }),
    });
    tx.commit().await.unwrap();
}

//! `deleteWebhookEndpoint`: the endpoint goes, with its secrets and everything that was and would be delivered to it.

use async_graphql::InputObject;
use entity::{event_reader, ids::WebhookEndpointId, webhook_endpoint};
use sea_orm::EntityTrait;

use super::{find, input};
use crate::base::{audit, caller::Permission, ctx::Ctx, error::Result};

/// Which endpoint to delete.
#[derive(Debug, InputObject)]
pub struct DeleteWebhookEndpointInput {
    /// An endpoint of the caller's organisation.
    pub id: WebhookEndpointId,
}

/// Deletes an endpoint of the organisation. A call under way may still reach it.
pub async fn delete(ctx: &Ctx, id: WebhookEndpointId) -> Result<WebhookEndpointId> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let tx = ctx.begin().await?;
    let row = find::locked(&tx, organization, id, &["id"]).await?;
    webhook_endpoint::Entity::delete_by_id(id).exec(&*tx).await?;
    event_reader::Entity::delete_by_id(id.0).exec(&*tx).await?;
    audit::record(ctx, &*tx, "deleteWebhookEndpoint", Some(id.to_string()), input::facts(&row)).await?;
    tx.commit().await?;
    Ok(id)
}

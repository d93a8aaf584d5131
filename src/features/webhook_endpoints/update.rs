//! `updateWebhookEndpoint`: another address, other types, on or off.

use async_graphql::InputObject;
use entity::{enums::WebhookDisabledReason, ids::WebhookEndpointId, webhook_endpoint};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{address, find, input, power};
use crate::{
    base::{audit, caller::Permission, ctx::Ctx, error::Result},
    features::messages::graphql::EventType,
    graphql::scalars::UrlText,
};

/// What is to change; what is not given stays.
#[derive(Debug, InputObject)]
pub struct UpdateWebhookEndpointInput {
    /// An endpoint of the caller's organisation.
    pub id: WebhookEndpointId,
    /// Where events are posted to from now on, retries included.
    pub url: Option<UrlText>,
    /// Which events, from now on; at least one type, and only what the caller may see.
    pub types: Option<Vec<EventType>>,
    /// What it is for, at most 500 characters.
    pub description: Option<String>,
    /// False gives up everything pending and delivers nothing more. True delivers what is committed from now on; use
    /// `redeliver` for what was missed.
    pub is_enabled: Option<bool>,
}

/// Changes an endpoint of the organisation.
pub async fn update(ctx: &Ctx, wish: UpdateWebhookEndpointInput) -> Result<webhook_endpoint::Model> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let url = wish.url.as_ref().map(|url| address::parse(ctx, &url.0)).transpose()?;
    let kinds = wish.types.as_deref().map(|types| input::kinds(ctx, types)).transpose()?;
    let description = wish.description.as_deref().map(input::description).transpose()?;
    let tx = ctx.begin().await?;
    let mut row = find::locked(&tx, organization, wish.id, &["id"]).await?.into_active_model();
    if let Some(url) = url {
        row.url = Set(url.into());
    }
    if let Some(kinds) = kinds {
        row.types = Set(kinds);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    row.updated_at = Set(ctx.now());
    let mut row = row.update(&*tx).await?;
    row = match wish.is_enabled {
        Some(true) => power::enable(&tx, row).await?,
        Some(false) => power::disable(ctx, &tx, row, WebhookDisabledReason::Requested).await?,
        None => row,
    };
    audit::record(ctx, &*tx, "updateWebhookEndpoint", Some(row.id.to_string()), input::facts(&row)).await?;
    tx.commit().await?;
    Ok(row)
}

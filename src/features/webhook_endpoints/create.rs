//! `createWebhookEndpoint`: an address that events are posted to from now on. Its secret is shown once.

use async_graphql::InputObject;
use entity::{Tenanted, ids::WebhookEndpointId, webhook_endpoint};
use sea_orm::{ActiveModelTrait, IntoActiveModel, PaginatorTrait};
use secrecy::SecretString;

use super::{address, input, power, secrets};
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
    },
    features::messages::graphql::EventType,
    graphql::scalars::UrlText,
};

/// Endpoints of one organisation.
const MOST: u64 = 10;

/// An endpoint to be made.
#[derive(Debug, InputObject)]
pub struct CreateWebhookEndpointInput {
    /// Where events are posted to: https, and public. At most 2,048 characters, no credentials.
    pub url: UrlText,
    /// Which events; at least one type, and only what the caller may see.
    pub types: Vec<EventType>,
    /// What it is for, at most 500 characters.
    #[graphql(default)]
    pub description: String,
}

/// Makes an endpoint that gets what is committed from now on; gives it with its secret, which cannot be read again.
pub async fn create(
    ctx: &Ctx,
    wish: CreateWebhookEndpointInput,
) -> Result<(webhook_endpoint::Model, SecretString)> {
    let organization_id = ctx.require(Permission::WebhooksManage)?;
    let now = ctx.now();
    let row = webhook_endpoint::Model {
        id: WebhookEndpointId::new(),
        organization_id,
        url: address::parse(ctx, &wish.url.0)?.into(),
        types: input::kinds(ctx, &wish.types)?,
        description: input::description(&wish.description)?,
        failing_since: None,
        disabled_at: None,
        disabled_reason: None,
        created_at: now,
        updated_at: now,
    };
    let tx = ctx.begin().await?;
    if webhook_endpoint::Entity::in_org(organization_id).count(&*tx).await? >= MOST {
        let words = format!("An organisation has at most {MOST} webhook endpoints.");
        return Err(Error::new(ErrorCode::Conflict, words));
    }
    let row = row.into_active_model().reset_all().insert(&*tx).await?;
    let secret = secrets::issue(ctx, &tx, &row).await?;
    power::begin_reading(&tx, &row).await?;
    audit::record(ctx, &*tx, "createWebhookEndpoint", Some(row.id.to_string()), input::facts(&row)).await?;
    tx.commit().await?;
    Ok((row, secret))
}

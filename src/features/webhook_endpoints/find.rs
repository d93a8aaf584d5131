//! Reads of endpoints and deliveries, each inside the caller's organisation.

use std::collections::HashMap;

use entity::{
    Tenanted,
    ids::{OrganizationId, WebhookDeliveryId, WebhookEndpointId},
    webhook_attempt, webhook_delivery, webhook_endpoint, webhook_secret,
};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, Result},
        tx::Tx,
    },
    graphql::{
        loader::Fetch,
        page::{self, Page, PageArgs, Sort},
    },
};

/// The endpoint of this id, if it is the organisation's.
pub async fn endpoint(ctx: &Ctx, id: WebhookEndpointId) -> Result<Option<webhook_endpoint::Model>> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let rows = webhook_endpoint::Entity::in_org(organization).filter(webhook_endpoint::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?)
}

/// The delivery of this id, if it is the organisation's.
pub async fn delivery(ctx: &Ctx, id: WebhookDeliveryId) -> Result<Option<webhook_delivery::Model>> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let rows = webhook_delivery::Entity::in_org(organization).filter(webhook_delivery::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?)
}

/// The organisation's endpoints, newest first.
pub async fn endpoints(ctx: &Ctx, args: PageArgs) -> Result<Page<webhook_endpoint::Entity>> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let sort =
        Sort { key: webhook_endpoint::Column::CreatedAt, id: webhook_endpoint::Column::Id, descending: true };
    page::fetch(ctx, "webhookEndpoints", webhook_endpoint::Entity::in_org(organization), sort, args).await
}

/// What was and will be delivered to an endpoint, newest first.
pub async fn deliveries(
    ctx: &Ctx,
    endpoint: WebhookEndpointId,
    args: PageArgs,
) -> Result<Page<webhook_delivery::Entity>> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    let rows = webhook_delivery::Entity::in_org(organization)
        .filter(webhook_delivery::Column::EndpointId.eq(endpoint));
    let sort =
        Sort { key: webhook_delivery::Column::CreatedAt, id: webhook_delivery::Column::Id, descending: true };
    page::fetch(ctx, &format!("webhookDeliveries/{endpoint}"), rows, sort, args).await
}

/// The organisation's endpoint, locked until the transaction ends; `NOT_FOUND` at this field.
pub(super) async fn locked(
    tx: &Tx,
    organization: OrganizationId,
    id: WebhookEndpointId,
    field: &[&'static str],
) -> Result<webhook_endpoint::Model> {
    let row = webhook_endpoint::Entity::in_org(organization)
        .filter(webhook_endpoint::Column::Id.eq(id))
        .lock_exclusive()
        .one(&**tx)
        .await?;
    row.ok_or_else(|| Error::not_found().at(field))
}

/// Endpoints by id.
#[derive(Debug)]
pub struct EndpointsById;

impl Fetch for EndpointsById {
    type Key = WebhookEndpointId;
    type Value = webhook_endpoint::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Self::Value>> {
        let rows = webhook_endpoint::Entity::in_org(ctx.organization()?)
            .filter(webhook_endpoint::Column::Id.is_in(keys));
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Attempts by delivery, oldest first.
#[derive(Debug)]
pub struct AttemptsByDelivery;

impl Fetch for AttemptsByDelivery {
    type Key = WebhookDeliveryId;
    type Value = Vec<webhook_attempt::Model>;

    async fn fetch(ctx: &Ctx, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Self::Value>> {
        let rows = webhook_attempt::Entity::in_org(ctx.organization()?)
            .filter(webhook_attempt::Column::DeliveryId.is_in(keys))
            .order_by_asc(webhook_attempt::Column::Ordinal);
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows.all(ctx.db()).await? {
            found.entry(row.delivery_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Live secrets by endpoint, newest first.
#[derive(Debug)]
pub struct SecretsByEndpoint;

impl Fetch for SecretsByEndpoint {
    type Key = WebhookEndpointId;
    type Value = Vec<webhook_secret::Model>;

    async fn fetch(ctx: &Ctx, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Self::Value>> {
        let expires = webhook_secret::Column::ExpiresAt;
        let rows = webhook_secret::Entity::in_org(ctx.organization()?)
            .filter(webhook_secret::Column::EndpointId.is_in(keys))
            .filter(Condition::any().add(expires.is_null()).add(expires.gt(ctx.now())))
            .order_by_desc(webhook_secret::Column::CreatedAt)
            .order_by_desc(webhook_secret::Column::Id);
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows.all(ctx.db()).await? {
            found.entry(row.endpoint_id).or_default().push(row);
        }
        Ok(found)
    }
}

//! `redeliver`: one delivery anew, or everything since a time, as after a partner's outage. Under the same `webhook-id`
//! as before, so that consumers can tell.

use async_graphql::{InputObject, OneofObject};
use chrono::{DateTime, Utc};
use entity::{
    Tenanted,
    enums::WebhookDeliveryStatus,
    event, event_reader,
    ids::{OrganizationId, WebhookDeliveryId, WebhookEndpointId},
    webhook_endpoint,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    Set, sea_query::Expr,
};
use serde_json::{Value, json};

use super::{find, forward};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    events,
    tx::Tx,
};

/// What to deliver again.
#[derive(Debug, OneofObject)]
pub enum RedeliverInput {
    /// One delivery, whatever became of it.
    DeliveryId(WebhookDeliveryId),
    /// Everything of one endpoint since a time.
    Endpoint(RedeliverSinceInput),
}

/// Everything of one endpoint since a time.
#[derive(Debug, InputObject)]
pub struct RedeliverSinceInput {
    /// An endpoint of the caller's organisation.
    pub id: WebhookEndpointId,
    /// Events from then on, in order, as far as the event log reaches back; those that happen meanwhile follow them.
    pub since: DateTime<Utc>,
}

/// Begins anew. `CONFLICT` while the endpoint is disabled.
pub async fn redeliver(ctx: &Ctx, wish: RedeliverInput) -> Result<webhook_endpoint::Model> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    match wish {
        RedeliverInput::DeliveryId(id) => one(ctx, organization, id).await,
        RedeliverInput::Endpoint(wish) => all(ctx, organization, wish).await,
    }
}

async fn one(
    ctx: &Ctx,
    organization: OrganizationId,
    id: WebhookDeliveryId,
) -> Result<webhook_endpoint::Model> {
    let missing = || Error::not_found().at(&["deliveryId"]);
    let delivery = find::delivery(ctx, id).await?.ok_or_else(missing)?;
    let (tx, endpoint) = open(ctx, organization, delivery.endpoint_id, &["deliveryId"]).await?;
    let mut row = delivery.into_active_model();
    row.status = Set(WebhookDeliveryStatus::Pending);
    row.tries = Set(0);
    row.next_attempt_at = Set(Some(ctx.now()));
    row.finished_at = Set(None);
    row.update(&*tx).await?;
    record(ctx, tx, endpoint, json!({ "deliveryId": id })).await
}

async fn all(
    ctx: &Ctx,
    organization: OrganizationId,
    wish: RedeliverSinceInput,
) -> Result<webhook_endpoint::Model> {
    let (tx, endpoint) = open(ctx, organization, wish.id, &["endpoint", "id"]).await?;
    let before = before(&*tx, organization, wish.since).await?;
    event_reader::Entity::update_many()
        .col_expr(event_reader::Column::Position, Expr::value(before))
        .filter(event_reader::Column::Id.eq(endpoint.id.0))
        .filter(event_reader::Column::Position.gt(before))
        .exec(&*tx)
        .await?;
    record(ctx, tx, endpoint, json!({ "since": wish.since, "afterPosition": before })).await
}

/// The endpoint, locked and on, with its job brought forward first: jobs are locked before endpoints everywhere.
async fn open(
    ctx: &Ctx,
    organization: OrganizationId,
    id: WebhookEndpointId,
    field: &[&'static str],
) -> Result<(Tx, webhook_endpoint::Model)> {
    let tx = ctx.begin().await?;
    tx.hasten([forward::job(organization, id, ctx.now())], ctx.now()).await?;
    let endpoint = find::locked(&tx, organization, id, field).await?;
    if endpoint.disabled_at.is_some() {
        let words = "The endpoint is disabled. Enable it with updateWebhookEndpoint first.";
        return Err(Error::new(ErrorCode::Conflict, words).at(field));
    }
    Ok((tx, endpoint))
}

/// The position before the first event since a time; the last one when there is none.
async fn before(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    since: DateTime<Utc>,
) -> Result<i64> {
    let first = event::Entity::in_org(organization)
        .filter(event::Column::CreatedAt.gte(since))
        .order_by_asc(event::Column::Position)
        .one(db)
        .await?;
    match first {
        Some(event) => Ok(event.position - 1),
        None => events::last_position(db, organization).await,
    }
}

async fn record(
    ctx: &Ctx,
    tx: Tx,
    endpoint: webhook_endpoint::Model,
    detail: Value,
) -> Result<webhook_endpoint::Model> {
    audit::record(ctx, &*tx, "redeliver", Some(endpoint.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(endpoint)
}

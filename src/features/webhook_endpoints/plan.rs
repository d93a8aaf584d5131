//! From the log to deliveries: what is behind an endpoint's cursor becomes rows, in the transaction that moves the
//! cursor. So an event is planned once, whoever dies or wakes up in between.

use chrono::{DateTime, Utc};
use entity::{
    enums::WebhookDeliveryStatus,
    event_reader,
    ids::{WebhookDeliveryId, WebhookEndpointId},
    webhook_delivery, webhook_endpoint,
};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use serde_json::Value;

use super::envelope;
use crate::base::{
    ctx::Ctx,
    error::{ErrorCode, Result},
    events::{self, Event},
    jobs::Lease,
    tx::Tx,
};

/// Plans the next page of the log; `false` when there is none, or nobody to deliver to.
pub async fn plan(ctx: &Ctx, lease: &Lease, id: WebhookEndpointId) -> Result<bool> {
    let Some(reader) = event_reader::Entity::find_by_id(id.0).one(ctx.db()).await? else { return Ok(false) };
    let page = match events::read_after(ctx.db(), reader.organization_id, reader.position).await {
        Ok(page) if page.is_empty() => return Ok(false),
        Ok(page) => page,
        Err(error) if error.code == ErrorCode::CursorTooOld => return skip(ctx, lease, &reader).await,
        Err(error) => return Err(error),
    };
    let tx = ctx.begin().await?;
    lease.assert_held(&tx).await?;
    let endpoint = webhook_endpoint::Entity::find_by_id(id).lock_shared().one(&*tx).await?;
    let Some(endpoint) = endpoint.filter(|row| row.disabled_at.is_none()) else { return Ok(false) };
    let rows = deliveries(&endpoint, &page, ctx.now())?;
    if !rows.is_empty() {
        insert(&tx, rows).await?;
    }
    let last = page.last().map_or(reader.position, |event| event.position);
    if advance(&tx, &reader, last).await? {
        tx.commit().await?;
    }
    Ok(true)
}

/// Only a log that was cut by hand can be shorter than what a reader still has to read: what is left is read.
async fn skip(ctx: &Ctx, lease: &Lease, reader: &event_reader::Model) -> Result<bool> {
    let next = events::before_oldest(ctx.db(), reader.organization_id, reader.position).await?;
    tracing::error!(from = reader.position, to = next, "events are missing from the log; webhooks skip them");
    let tx = ctx.begin().await?;
    lease.assert_held(&tx).await?;
    advance(&tx, reader, next).await?;
    tx.commit().await?;
    Ok(true)
}

/// `false`, and nothing to commit, when `redeliver` moved the cursor meanwhile.
async fn advance(tx: &Tx, reader: &event_reader::Model, to: i64) -> Result<bool> {
    let moved = event_reader::Entity::update_many()
        .col_expr(event_reader::Column::Position, Expr::value(to))
        .filter(event_reader::Column::Id.eq(reader.id))
        .filter(event_reader::Column::Position.eq(reader.position))
        .exec(&**tx)
        .await?;
    Ok(moved.rows_affected == 1)
}

fn deliveries(
    endpoint: &webhook_endpoint::Model,
    page: &[Event],
    now: DateTime<Utc>,
) -> Result<Vec<webhook_delivery::ActiveModel>> {
    let kinds: Vec<&str> =
        endpoint.types.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted = page.iter().filter(|event| kinds.contains(&&*event.kind));
    wanted.map(|event| Ok(row(endpoint, event, now)?.into_active_model())).collect()
}

fn row(
    endpoint: &webhook_endpoint::Model,
    event: &Event,
    now: DateTime<Utc>,
) -> Result<webhook_delivery::Model> {
    Ok(webhook_delivery::Model {
        id: WebhookDeliveryId::new(),
        organization_id: endpoint.organization_id,
        endpoint_id: endpoint.id,
        position: event.position,
        kind: event.kind.to_string(),
        body: envelope::body(event)?,
        status: WebhookDeliveryStatus::Pending,
        tries: 0,
        attempts: 0,
        next_attempt_at: Some(now),
        created_at: now,
        finished_at: None,
    })
}

/// What was planned before, and is behind the cursor again because of `redeliver`, begins anew.
async fn insert(tx: &Tx, rows: Vec<webhook_delivery::ActiveModel>) -> Result<()> {
    let anew =
        OnConflict::columns([webhook_delivery::Column::EndpointId, webhook_delivery::Column::Position])
            .update_columns([
                webhook_delivery::Column::Status,
                webhook_delivery::Column::Tries,
                webhook_delivery::Column::NextAttemptAt,
                webhook_delivery::Column::FinishedAt,
            ])
            .to_owned();
    let rows = rows.into_iter().map(sea_orm::ActiveModelTrait::reset_all);
    webhook_delivery::Entity::insert_many(rows).on_conflict(anew).exec_without_returning(&**tx).await?;
    Ok(())
}

//! Switching an endpoint on and off: a reader of the log exists exactly while it is on, and nothing is pending while it
//! is off.

use chrono::{DateTime, Utc};
use entity::{
    enums::{WebhookDeliveryStatus, WebhookDisabledReason},
    event_reader, webhook_delivery, webhook_endpoint,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set, sea_query::Expr,
};
use serde_json::json;

use crate::base::{
    audit,
    ctx::Ctx,
    error::Result,
    events,
    tx::{NewEvent, Tx},
};

/// An endpoint was switched off because it is gone or keeps failing.
pub const DISABLED: &str = "webhook_endpoint.disabled";

/// The endpoint gets what is committed from now on.
pub async fn begin_reading(tx: &Tx, endpoint: &webhook_endpoint::Model) -> Result<()> {
    let reader = event_reader::ActiveModel {
        id: Set(endpoint.id.0),
        organization_id: Set(endpoint.organization_id),
        position: Set(events::last_position(&**tx, endpoint.organization_id).await?),
    };
    event_reader::Entity::insert(reader).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Switches a locked endpoint on; on one that is on it changes nothing.
pub async fn enable(tx: &Tx, endpoint: webhook_endpoint::Model) -> Result<webhook_endpoint::Model> {
    if endpoint.disabled_at.is_none() {
        return Ok(endpoint);
    }
    begin_reading(tx, &endpoint).await?;
    let mut row = endpoint.into_active_model();
    row.disabled_at = Set(None);
    row.disabled_reason = Set(None);
    row.failing_since = Set(None);
    Ok(row.update(&**tx).await?)
}

/// Switches a locked endpoint off and gives up what was pending. Unless somebody asked for it, an event and the audit
/// log tell of it.
pub async fn disable(
    ctx: &Ctx,
    tx: &Tx,
    endpoint: webhook_endpoint::Model,
    reason: WebhookDisabledReason,
) -> Result<webhook_endpoint::Model> {
    if endpoint.disabled_at.is_some() {
        return Ok(endpoint);
    }
    let mut row = endpoint.into_active_model();
    row.disabled_at = Set(Some(ctx.now()));
    row.disabled_reason = Set(Some(reason));
    let endpoint = row.update(&**tx).await?;
    give_up(tx, &endpoint, ctx.now()).await?;
    event_reader::Entity::delete_by_id(endpoint.id.0).exec(&**tx).await?;
    if reason != WebhookDisabledReason::Requested {
        tell(ctx, tx, &endpoint).await?;
    }
    Ok(endpoint)
}

async fn give_up(tx: &Tx, endpoint: &webhook_endpoint::Model, now: DateTime<Utc>) -> Result<()> {
    let open = [WebhookDeliveryStatus::Pending, WebhookDeliveryStatus::Retrying];
    webhook_delivery::Entity::update_many()
        .col_expr(webhook_delivery::Column::Status, Expr::value(WebhookDeliveryStatus::Failed))
        .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(webhook_delivery::Column::FinishedAt, Expr::value(now))
        .filter(webhook_delivery::Column::EndpointId.eq(endpoint.id))
        .filter(webhook_delivery::Column::Status.is_in(open))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn tell(ctx: &Ctx, tx: &Tx, endpoint: &webhook_endpoint::Model) -> Result<()> {
    let facts = json!({
        "reason": endpoint.disabled_reason, "failingSince": endpoint.failing_since,
        "disabledAt": endpoint.disabled_at,
    });
    let mut data = facts.clone();
    data["id"] = json!(endpoint.id);
    tx.emit(NewEvent {
        organization_id: endpoint.organization_id,
        kind: DISABLED,
        subject: endpoint.id.to_string(),
        data,
    });
    tracing::warn!(endpoint = %endpoint.id, reason = ?endpoint.disabled_reason, "a webhook endpoint was disabled");
    audit::record(ctx, &**tx, "disableWebhookEndpoint", Some(endpoint.id.to_string()), facts).await
}

//! What attempts came to, written down under the lease: delivered, tried again later, given up, or the end of the
//! endpoint.

use chrono::{DateTime, Utc};
use entity::{
    enums::{WebhookDeliveryStatus, WebhookDisabledReason},
    ids::WebhookEndpointId,
    webhook_attempt, webhook_delivery, webhook_endpoint,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set,
    sea_query::Expr,
};

use super::{attempt::Made, power, schedule};
use crate::base::{ctx::Ctx, error::Result, jobs::Lease, telemetry::names, tx::Tx};

/// Writes attempts of one endpoint down; `false` when nothing more is to be delivered to it.
pub async fn record(ctx: &Ctx, lease: &Lease, id: WebhookEndpointId, made: &[Made]) -> Result<bool> {
    let tx = ctx.begin().await?;
    lease.assert_held(&tx).await?;
    let endpoint = webhook_endpoint::Entity::find_by_id(id).lock_exclusive().one(&*tx).await?;
    let Some(endpoint) = endpoint else { return Ok(false) };
    let endpoint = health(ctx, &tx, endpoint, made).await?;
    let is_on = endpoint.disabled_at.is_none();
    for made in made {
        let next = next(made, ctx.now()).filter(|_| is_on);
        settle(&tx, made, next, ctx.now()).await?;
    }
    let attempts = made.iter().map(|made| attempt_row(made).into_active_model());
    webhook_attempt::Entity::insert_many(attempts).exec_without_returning(&*tx).await?;
    let reason = verdict(&endpoint, made, ctx.now());
    let endpoint = match reason {
        Some(reason) => power::disable(ctx, &tx, endpoint, reason).await?,
        None => endpoint,
    };
    tx.commit().await?;
    made.iter().for_each(count);
    Ok(endpoint.disabled_at.is_none())
}

/// Since when nothing works: kept as it is by failures, cleared by a success.
async fn health(
    ctx: &Ctx,
    tx: &Tx,
    endpoint: webhook_endpoint::Model,
    made: &[Made],
) -> Result<webhook_endpoint::Model> {
    let failing_since = made.iter().fold(endpoint.failing_since, |since, made| {
        if made.answer.is_delivered() { None } else { since.or_else(|| Some(ctx.now())) }
    });
    if failing_since == endpoint.failing_since {
        return Ok(endpoint);
    }
    let mut row = endpoint.into_active_model();
    row.failing_since = Set(failing_since);
    Ok(row.update(&**tx).await?)
}

fn verdict(
    endpoint: &webhook_endpoint::Model,
    made: &[Made],
    now: DateTime<Utc>,
) -> Option<WebhookDisabledReason> {
    if made.iter().any(|made| made.answer.is_gone()) {
        return Some(WebhookDisabledReason::Gone);
    }
    let too_long = endpoint.failing_since.is_some_and(|since| now - since >= schedule::PATIENCE);
    too_long.then_some(WebhookDisabledReason::Failing)
}

/// When a failed attempt is followed by another one.
fn next(made: &Made, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if made.answer.is_delivered() || made.answer.is_gone() {
        return None;
    }
    let pause = schedule::pause(made.delivery.tries + 1, rand::random(), made.answer.retry_after)?;
    Some(now + chrono::Duration::from_std(pause).ok()?)
}

async fn settle(tx: &Tx, made: &Made, next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<()> {
    let delivered = made.answer.is_delivered();
    let status = match next {
        _ if delivered => WebhookDeliveryStatus::Delivered,
        Some(_) => WebhookDeliveryStatus::Retrying,
        None => WebhookDeliveryStatus::Failed,
    };
    let tries = made.delivery.tries + i32::from(!delivered);
    webhook_delivery::Entity::update_many()
        .col_expr(webhook_delivery::Column::Status, Expr::value(status))
        .col_expr(webhook_delivery::Column::Tries, Expr::value(tries))
        .col_expr(webhook_delivery::Column::Attempts, Expr::value(made.delivery.attempts + 1))
        .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(next))
        .col_expr(webhook_delivery::Column::FinishedAt, Expr::value(next.is_none().then_some(now)))
        .filter(webhook_delivery::Column::Id.eq(made.delivery.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn attempt_row(made: &Made) -> webhook_attempt::Model {
    webhook_attempt::Model {
        delivery_id: made.delivery.id,
        ordinal: made.delivery.attempts + 1,
        organization_id: made.delivery.organization_id,
        started_at: made.started_at,
        duration_ms: i64::try_from(made.took.as_millis()).unwrap_or(i64::MAX),
        http_status: made.answer.status.map(|status| status.as_u16().into()),
        error: made.answer.error(),
    }
}

fn count(made: &Made) {
    let outcome = match &made.answer {
        answer if answer.is_delivered() => "delivered",
        answer if answer.is_gone() => "gone",
        _ if schedule::pause(made.delivery.tries + 1, 0.0, None).is_none() => "failed",
        _ => "retry",
    };
    metrics::counter!(names::WEBHOOK_ATTEMPTS, "outcome" => outcome).increment(1);
    if made.delivery.attempts == 0 {
        let lag = (made.started_at - made.delivery.created_at).to_std().unwrap_or_default();
        metrics::histogram!(names::WEBHOOK_LAG_SECONDS).record(lag.as_secs_f64());
    }
}

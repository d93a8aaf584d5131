//! Wakes endpoints' jobs after commits of this process, looks once a second for what a stopped process left behind, and
//! removes deliveries whose time is over.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entity::ids::{OrganizationId, WebhookEndpointId};
use sea_orm::{ConnectionTrait, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::forward;
use crate::base::{ctx::Hub, error::Result, forget, purpose::Purpose, tx::Tx};

/// Between two looks for what nobody announced.
const PACE: Duration = Duration::from_secs(1);
/// After one wake-up: what is committed meanwhile shares the next one.
const REST: Duration = Duration::from_millis(5);
/// Between two cleanings.
const CLEANING: chrono::Duration = chrono::Duration::minutes(10);

const OVER: &str = "DELETE FROM webhook_deliveries WHERE id IN \
     (SELECT id FROM webhook_deliveries WHERE finished_at < $1 LIMIT $2)";

/// Tends until stopped, wherever it is then: every step is a transaction. What fails is logged and tried again at the
/// next look.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    Purpose::Work.run(stop.run_until_cancelled(Box::pin(tend_for_ever(hub)))).await;
}

async fn tend_for_ever(hub: Arc<Hub>) {
    let (mut looked, mut cleaned_at) = (Instant::now(), None);
    loop {
        let committed = tokio::time::timeout(PACE, hub.feeds.committed()).await;
        let whose: Option<Vec<_>> =
            committed.ok().filter(|_| looked.elapsed() < PACE).map(|whose| whose.into_iter().collect());
        if whose.is_none() {
            looked = Instant::now();
        }
        if let Err(error) = wake(&hub, whose.as_deref()).await {
            tracing::warn!(%error, "webhooks could not be woken; the next look tries again");
        }
        let now = hub.clock.now();
        if cleaned_at.is_none_or(|cleaned| now - cleaned >= CLEANING) {
            cleaned_at = Some(now);
            if let Err(error) = forget(&hub).await {
                tracing::warn!(%error, "old webhook deliveries could not be removed; the next cleaning tries again");
            }
        }
        tokio::time::sleep(REST).await;
    }
}

/// Brings the jobs of endpoints forward that are behind their logs: those of some organisations, or all.
pub async fn wake(hub: &Arc<Hub>, whose: Option<&[OrganizationId]>) -> Result<()> {
    let mut behind = behind(hub, whose).await?;
    if behind.is_empty() {
        return Ok(());
    }
    let now = hub.clock.now();
    let tx = Tx::begin(hub).await?;
    // In one order everywhere, so that two instances cannot wait for each other.
    behind.sort_unstable();
    let jobs = behind.into_iter().map(|(organization, endpoint)| forward::job(organization, endpoint, now));
    tx.hasten(jobs, now).await?;
    tx.commit().await
}

async fn behind(
    hub: &Hub,
    whose: Option<&[OrganizationId]>,
) -> Result<Vec<(OrganizationId, WebhookEndpointId)>> {
    let values: Vec<Value> = whose.unwrap_or_default().iter().map(|id| Value::from(*id)).collect();
    let places: Vec<String> = (1..=values.len()).map(|n| format!("${n}")).collect();
    let only = match whose {
        Some(_) => format!("AND organization_id IN ({})", places.join(", ")),
        None => String::new(),
    };
    let sql = format!(
        "SELECT organization_id, id FROM event_readers WHERE position < (SELECT event_counters.position \
         FROM event_counters WHERE event_counters.organization_id = event_readers.organization_id) {only} \
         ORDER BY organization_id, position, id"
    );
    let rows = hub.db.read().query_all_raw(hub.db.sql(sql, values)).await?;
    let pair = |row: &sea_orm::QueryResult| {
        let (organization, endpoint): (Uuid, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok((OrganizationId(organization), WebhookEndpointId(endpoint)))
    };
    rows.iter().map(pair).collect()
}

/// Removes deliveries that ended before the events' retention; pending ones stay.
pub async fn forget(hub: &Arc<Hub>) -> Result<u64> {
    let keep =
        chrono::Duration::from_std(hub.config.event_retention).unwrap_or(chrono::Duration::days(3_650));
    forget::forget_before(hub, OVER, hub.clock.now() - keep).await
}

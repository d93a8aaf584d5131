//! The end of a run: the job goes, and comes back for what is still to be done, in one transaction. Whoever committed
//! something meanwhile either finds the job gone and enqueues it anew, or is seen here.

use chrono::{DateTime, Utc};
use entity::{event_reader, ids::WebhookEndpointId};
use sea_orm::EntityTrait;

use super::{forward, lanes};
use crate::base::{ctx::Ctx, error::Result, events, jobs::Lease, tx::Tx};

/// Ends the job under its lease. It is a new one that comes back, so that interrupted runs of long ago count no more.
pub async fn settle(ctx: &Ctx, lease: &Lease, endpoint: WebhookEndpointId) -> Result<()> {
    let tx = ctx.begin().await?;
    lease.finish(&tx).await?;
    if let Some(at) = next_run(ctx, &tx, endpoint).await? {
        tx.enqueue(forward::job(lease.job.organization_id, endpoint, at), ctx.now()).await?;
    }
    tx.commit().await
}

/// At once for what is unread or unsent, else at the next retry; never for an endpoint that is off.
async fn next_run(ctx: &Ctx, tx: &Tx, endpoint: WebhookEndpointId) -> Result<Option<DateTime<Utc>>> {
    let Some(reader) = event_reader::Entity::find_by_id(endpoint.0).one(&**tx).await? else {
        return Ok(None);
    };
    let last = events::last_position(&**tx, reader.organization_id).await?;
    if reader.position < last || lanes::any_first(&**tx, endpoint).await? {
        return Ok(Some(ctx.now()));
    }
    lanes::next_retry(&**tx, endpoint).await
}

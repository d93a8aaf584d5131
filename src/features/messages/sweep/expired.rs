//! What organisations keep no longer: messages with all that is known of them, files, audit entries, events. In batches of
//! their own transactions, so that a sweep may stop anywhere, run twice, or run in two processes at once.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use entity::{ids::OrganizationId, organization};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{files, messages};
use crate::{
    base::{audit, ctx::Hub, error::Result, events, tx::Tx},
    features::organizations::retention::{Kept, default_audit_days},
};

/// Organisations read at once.
const PAGE: u64 = 200;
/// Batches of one kind and organisation in one sweep; the rest follows with the next one.
const ROUNDS: usize = 50;
/// The database's clock decides about audit entries; ours may be ahead by this much.
const SKEW: Duration = Duration::minutes(5);

/// Removes what is over. One organisation's trouble is no other's.
pub(super) async fn forget(hub: &Arc<Hub>) -> Result<()> {
    let mut after = OrganizationId(Uuid::nil());
    loop {
        let page = organizations(hub, after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page {
            if let Err(error) = forget_of(hub, &row).await {
                tracing::warn!(organization = %row.id, %error, "what is over was not removed; the next sweep tries again");
            }
        }
    }
    let keep = Duration::days(default_audit_days(&hub.config).into());
    drain(hub, Over::Audit(None, audit_before(hub, keep).await?)).await
}

async fn organizations(hub: &Hub, after: OrganizationId) -> Result<Vec<organization::Model>> {
    let rows = organization::Entity::find().filter(organization::Column::Id.gt(after));
    Ok(rows.order_by_asc(organization::Column::Id).limit(PAGE).all(hub.db.read()).await?)
}

async fn forget_of(hub: &Arc<Hub>, row: &organization::Model) -> Result<()> {
    let (id, kept, now) = (row.id, Kept::of(row, &hub.config), hub.clock.now());
    let mut over = vec![Over::Events(id, now - kept.events)];
    over.extend(kept.media.map(|keep| Over::Files(id, now - keep)));
    over.extend(kept.messages.map(|keep| Over::Messages(id, now - keep)));
    over.extend(kept.messages.map(|keep| Over::Threads(id, now - keep)));
    over.push(Over::Audit(Some(id), audit_before(hub, kept.audit).await?));
    for kind in over {
        drain(hub, kind).await?;
    }
    Ok(())
}

/// By the clock that the database judges by, or ours when that is behind.
async fn audit_before(hub: &Hub, keep: Duration) -> Result<DateTime<Utc>> {
    let theirs = hub.db.clock().await?;
    Ok(theirs.min(hub.clock.now()) - keep - SKEW)
}

/// One kind of thing, whose, and from before when.
#[derive(Clone, Copy, Debug)]
enum Over {
    Events(OrganizationId, DateTime<Utc>),
    Files(OrganizationId, DateTime<Utc>),
    Messages(OrganizationId, DateTime<Utc>),
    Threads(OrganizationId, DateTime<Utc>),
    Audit(Option<OrganizationId>, DateTime<Utc>),
}

async fn drain(hub: &Arc<Hub>, over: Over) -> Result<()> {
    let mut all = 0;
    for _ in 0..ROUNDS {
        let (gone, most) = batch(hub, over).await?;
        all += gone;
        if gone < most {
            break;
        }
    }
    if all > 0 {
        tracing::info!(?over, rows = all, "what is kept no longer was removed");
    }
    Ok(())
}

/// Removes a batch; gives how many rows that were, and how many it could have been.
async fn batch(hub: &Arc<Hub>, over: Over) -> Result<(u64, u64)> {
    match over {
        Over::Files(of, before) => Ok((files::forget_batch(hub, of, before).await?, files::BATCH)),
        Over::Messages(of, before) => Ok((messages::forget_batch(hub, of, before).await?, messages::BATCH)),
        Over::Threads(of, before) => Ok((messages::forget_threads(hub, of, before).await?, messages::BATCH)),
        Over::Events(of, before) => {
            let tx = Tx::begin(hub).await?;
            let gone = events::forget_before(hub, &*tx, of, before).await?;
            tx.commit().await?;
            Ok((gone, events::BATCH))
        }
        Over::Audit(of, before) => {
            let tx = Tx::begin(hub).await?;
            let gone = audit::forget_before(&*tx, of, before).await?;
            tx.commit().await?;
            Ok((gone, audit::BATCH))
        }
    }
}

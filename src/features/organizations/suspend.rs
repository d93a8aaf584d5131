//! `suspendOrganization` and `resumeOrganization`: operators stop an organisation from changing and sending. What others
//! send to it is kept, and it can read; messages that wait are not handed over until it may go on.

use std::{collections::HashSet, sync::Arc};

use async_graphql::InputObject;
use chrono::{DateTime, Utc};
use entity::{ids::OrganizationId, organization};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    Set,
};
use serde_json::{Value, json};

use crate::base::{
    audit::{self, Entry},
    ctx::{Ctx, Hub},
    error::{Error, ErrorCode, Result},
    group::{Group, Grouped},
    tx::Tx,
};

/// Whom to suspend, and why.
#[derive(Debug, InputObject)]
pub struct SuspendOrganizationInput {
    /// The organisation.
    pub organization_id: OrganizationId,
    /// For both audit logs; 160 characters of it are kept.
    pub reason: Option<String>,
}

/// Who may go on.
#[derive(Debug, InputObject)]
pub struct ResumeOrganizationInput {
    /// The organisation.
    pub organization_id: OrganizationId,
}

/// Suspends an organisation from its next call on. `CONFLICT` for the operator's own ones, which take what belongs to
/// nobody else.
pub async fn suspend(ctx: &Ctx, input: SuspendOrganizationInput) -> Result<organization::Model> {
    ctx.caller.require_operator()?;
    let now = ctx.now();
    let detail = json!({ "reason": input.reason.as_deref().map(audit::shown) });
    set(ctx, input.organization_id, Some(now), ("suspendOrganization", detail)).await
}

/// Lets an organisation go on; its waiting messages are handed over within a minute.
pub async fn resume(ctx: &Ctx, input: ResumeOrganizationInput) -> Result<organization::Model> {
    ctx.caller.require_operator()?;
    set(ctx, input.organization_id, None, ("resumeOrganization", json!({}))).await
}

async fn set(
    ctx: &Ctx,
    id: OrganizationId,
    since: Option<DateTime<Utc>>,
    (action, detail): (&str, Value),
) -> Result<organization::Model> {
    let tx = ctx.begin().await?;
    let row = organization::Entity::find_by_id(id).lock_exclusive().one(&*tx).await?;
    let row = row.ok_or_else(|| Error::not_found().at(&["organizationId"]))?;
    if since.is_some() && (row.is_operator || ctx.organization().is_ok_and(|own| own == id)) {
        let text = "The operator's own organisation cannot be suspended.";
        return Err(Error::new(ErrorCode::Conflict, text).at(&["organizationId"]));
    }
    if row.suspended_at.is_some() == since.is_some() {
        return Ok(row);
    }
    let mut row = row.into_active_model();
    row.suspended_at = Set(since);
    let row = row.update(&*tx).await?;
    tell_both(ctx, &tx, id, (action, detail)).await?;
    tx.commit().await?;
    Ok(row)
}

/// The organisation sees in its own log what was done to it; the operator's log holds what the operator did.
async fn tell_both(
    ctx: &Ctx,
    tx: &Tx,
    target: OrganizationId,
    (action, detail): (&str, Value),
) -> Result<()> {
    let subject = || Some(target.to_string());
    let theirs = Entry { action, subject: subject(), detail: detail.clone() };
    audit::record_in(ctx, &**tx, Some(target), theirs).await?;
    audit::record(ctx, &**tx, action, subject(), detail).await
}

/// Those of these organisations that are suspended.
pub async fn suspended(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = OrganizationId>,
) -> Result<HashSet<OrganizationId>> {
    let rows = organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .filter(organization::Column::Id.is_in(ids))
        .filter(organization::Column::SuspendedAt.is_not_null());
    Ok(rows.into_tuple::<OrganizationId>().all(db).await?.into_iter().collect())
}

/// Whether this one is.
pub async fn is_suspended(db: &impl ConnectionTrait, id: OrganizationId) -> Result<bool> {
    Ok(suspended(db, [id]).await?.contains(&id))
}

/// `ORGANIZATION_SUSPENDED` where it is. Calls that come at the same time share the read; none is answered by one begun
/// before it came.
pub async fn refuse_suspended(hub: &Arc<Hub>, id: OrganizationId) -> Result<()> {
    let is_suspended = hub.parts.of::<Group<Asked>>().join(Asked { hub: hub.clone(), id }).await?;
    if is_suspended { Err(Error::suspended()) } else { Ok(()) }
}

struct Asked {
    hub: Arc<Hub>,
    id: OrganizationId,
}

impl Grouped for Asked {
    type Answer = bool;

    async fn work(group: &[&Self]) -> Result<Vec<bool>> {
        let Some(hub) = group.first().map(|first| &first.hub) else { return Ok(Vec::new()) };
        let suspended = suspended(hub.db.read(), group.iter().map(|asked| asked.id)).await?;
        Ok(group.iter().map(|asked| suspended.contains(&asked.id)).collect())
    }
}

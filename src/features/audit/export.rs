//! The audit log as JSON lines, the oldest entry first, read page by page so that a log of any length fits into memory. An
//! export is written into the log before its first line leaves.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{
    audit_entry,
    ids::{AuditEntryId, OrganizationId},
    organization,
};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use crate::base::{
    audit::{self, Entry},
    caller::Permission,
    ctx::{Ctx, Hub},
    error::{Error, ErrorCode, Result},
};

/// Entries read at once.
const PAGE: u64 = 500;
/// The action in the log.
const ACTION: &str = "exportAudit";

/// The lines of the caller's organisation from a time on, until now.
pub async fn of_organization(
    ctx: &Ctx,
    since: Option<DateTime<Utc>>,
) -> Result<impl Stream<Item = Result<String>> + Send + use<>> {
    let organization = match ctx.require(Permission::AuditRead) {
        Ok(organization) => organization,
        Err(refusal) => return Err(refused(ctx, refusal).await),
    };
    note(ctx, Some(organization), since).await?;
    Ok(lines(ctx.hub.clone(), Some(organization), since..ctx.now().into()))
}

/// For the command line: one organisation's lines, or all there are, those of nobody's organisation first.
pub async fn of_installation(
    ctx: &Ctx,
    only: Option<OrganizationId>,
    since: Option<DateTime<Utc>>,
) -> Result<impl Stream<Item = Result<String>> + Send + use<>> {
    ctx.caller.require_operator()?;
    let owners = match only {
        Some(id) => {
            let known = organization::Entity::find_by_id(id).one(ctx.db()).await?;
            vec![Some(known.ok_or_else(Error::not_found)?.id)]
        }
        None => everybody(ctx).await?,
    };
    note(ctx, only, since).await?;
    let (hub, span) = (ctx.hub.clone(), since..ctx.now().into());
    Ok(stream::iter(owners).flat_map(move |owner| lines(hub.clone(), owner, span.clone())))
}

async fn everybody(ctx: &Ctx) -> Result<Vec<Option<OrganizationId>>> {
    let ids: Vec<OrganizationId> = organization::Entity::find()
        .select_only()
        .column(organization::Column::Id)
        .order_by_asc(organization::Column::Id)
        .into_tuple()
        .all(ctx.db())
        .await?;
    Ok(std::iter::once(None).chain(ids.into_iter().map(Some)).collect())
}

async fn note(ctx: &Ctx, of: Option<OrganizationId>, since: Option<DateTime<Utc>>) -> Result<()> {
    let tx = ctx.begin().await?;
    let entry = Entry { action: ACTION, subject: None, detail: json!({ "since": since }) };
    audit::record_in(ctx, &*tx, of, entry).await?;
    tx.commit().await
}

/// A known caller who may not export leaves a row, like one who may.
async fn refused(ctx: &Ctx, refusal: Error) -> Error {
    if refusal.code == ErrorCode::Forbidden {
        let entry = Entry { action: ACTION, subject: None, detail: json!({}) };
        let own = ctx.organization().ok();
        if let Err(error) = audit::record_refused(ctx, own, entry, refusal.code.name()).await {
            tracing::warn!(%error, "a refusal is missing in the audit log");
        }
    }
    refusal
}

/// From when until when.
type Span = std::ops::Range<Option<DateTime<Utc>>>;
/// The last entry that was read.
type Place = (DateTime<Utc>, AuditEntryId);

fn lines(
    hub: Arc<Hub>,
    owner: Option<OrganizationId>,
    span: Span,
) -> stream::BoxStream<'static, Result<String>> {
    let pages = stream::try_unfold(Some(None), move |after: Option<Option<Place>>| {
        let (hub, span) = (hub.clone(), span.clone());
        async move {
            let Some(after) = after else { return Ok::<_, Error>(None) };
            let rows = page(&hub, owner, &span, after).await?;
            let next = rows.last().map(|row| Some((row.created_at, row.id)));
            Ok((!rows.is_empty()).then_some((rows, next)))
        }
    });
    pages.map_ok(|rows| stream::iter(rows.into_iter().map(|row| Ok(line(&row))))).try_flatten().boxed()
}

async fn page(
    hub: &Hub,
    owner: Option<OrganizationId>,
    span: &Span,
    after: Option<Place>,
) -> Result<Vec<audit_entry::Model>> {
    use audit_entry::Column as C;
    let own = match owner {
        Some(id) => C::OrganizationId.eq(id),
        None => C::OrganizationId.is_null(),
    };
    let beyond = after.map(|(at, id)| {
        let later = Condition::any().add(C::CreatedAt.gt(at)).add(C::Id.gt(id));
        Condition::all().add(C::CreatedAt.gte(at)).add(later)
    });
    let wanted = Condition::all()
        .add(own)
        .add_option(span.start.map(|since| C::CreatedAt.gte(since)))
        .add_option(span.end.map(|until| C::CreatedAt.lte(until)))
        .add_option(beyond);
    let rows = audit_entry::Entity::find().filter(wanted).order_by_asc(C::CreatedAt).order_by_asc(C::Id);
    Ok(rows.limit(PAGE).all(hub.db.read()).await?)
}

fn line(row: &audit_entry::Model) -> String {
    let fields = json!({
        "id": row.id,
        "createdAt": row.created_at,
        "organizationId": row.organization_id,
        "actor": row.actor,
        "userId": row.user_id,
        "apiKeyId": row.api_key_id,
        "action": row.action,
        "subject": row.subject,
        "outcome": row.outcome,
        "errorCode": row.error_code,
        "detail": row.detail,
        "ipAddress": row.ip,
        "requestId": row.request_id,
    });
    format!("{fields}\n")
}

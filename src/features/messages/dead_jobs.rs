//! Work that was given up: shown to admins, and run again when they say so.

use entity::{Tenanted, ids::JobId, job};
use sea_orm::{ColumnTrait, QueryFilter};

use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, Result},
    },
    graphql::page::{self, Page, PageArgs, Sort},
};

/// A page of the organisation's dead jobs, the last one to die first.
pub async fn list(ctx: &Ctx, args: PageArgs) -> Result<Page<job::Entity>> {
    let organization = ctx.require(Permission::CarriersManage)?;
    let rows = job::Entity::in_org(organization).filter(job::Column::DeadAt.is_not_null());
    page::fetch(
        ctx,
        "deadJobs",
        rows,
        Sort { key: job::Column::DeadAt, id: job::Column::Id, descending: true },
        args,
    )
    .await
}

/// The job of this id, dead or alive, if it is the organisation's.
pub async fn find(ctx: &Ctx, id: JobId) -> Result<Option<job::Model>> {
    let organization = ctx.require(Permission::CarriersManage)?;
    Ok(job::Entity::in_org(organization).filter(job::Column::Id.eq(id)).one(ctx.db()).await?)
}

/// Gives a dead job all its tries anew, beginning now. `NOT_FOUND` when there is no such dead job.
pub async fn redrive(ctx: &Ctx, id: JobId) -> Result<job::Model> {
    let organization = ctx.require(Permission::CarriersManage)?;
    let tx = ctx.begin().await?;
    let job = tx.redrive(organization, id, ctx.now()).await?;
    let job = job.ok_or_else(|| Error::not_found().at(&["jobId"]))?;
    let detail = serde_json::json!({ "kind": job.kind, "subject": job.subject, "lastError": job.last_error });
    audit::record(ctx, &*tx, "redriveJob", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(job)
}

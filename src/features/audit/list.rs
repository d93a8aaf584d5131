//! Reads the organisation's audit log. Changes nothing.

use chrono::{DateTime, Utc};
use entity::{
    Tenanted, audit_entry,
    ids::{ApiKeyId, AuditEntryId, UserId},
};
use sea_orm::{ColumnTrait, Condition, QueryFilter};

use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
    },
    graphql::page::{self, Page, PageArgs, Sort},
};

/// Which entries. All that is said must hold.
#[derive(Debug, Default)]
pub struct Which {
    /// The public id of a user or a key.
    pub actor: Option<String>,
    /// The mutation's name.
    pub action: Option<String>,
    /// The public id of what it was done to.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

impl Which {
    fn condition(self) -> Result<Condition> {
        use audit_entry::Column as C;
        let actor = match self.actor {
            None => None,
            Some(id) if id.starts_with(UserId::PREFIX) => Some(C::UserId.eq(parse::<UserId>(&id)?)),
            Some(id) => Some(C::ApiKeyId.eq(parse::<ApiKeyId>(&id)?)),
        };
        Ok(Condition::all()
            .add_option(actor)
            .add_option(self.action.map(|action| C::Action.eq(action)))
            .add_option(self.subject.map(|subject| C::Subject.eq(subject)))
            .add_option(self.since.map(|since| C::CreatedAt.gte(since)))
            .add_option(self.until.map(|until| C::CreatedAt.lt(until))))
    }
}

fn parse<I: std::str::FromStr>(id: &str) -> Result<I> {
    let text = "`actor` is the id of a user (usr_…) or of an API key (key_…).";
    id.parse().map_err(|_| Error::new(ErrorCode::BadUserInput, text))
}

/// A page of the organisation's entries, the newest first.
pub async fn page(ctx: &Ctx, which: Which, args: PageArgs) -> Result<Page<audit_entry::Entity>> {
    let organization = ctx.require(Permission::AuditRead)?;
    let rows = audit_entry::Entity::in_org(organization).filter(which.condition()?);
    let sort = Sort { key: audit_entry::Column::CreatedAt, id: audit_entry::Column::Id, descending: true };
    page::fetch(ctx, "auditEvents", rows, sort, args).await
}

/// The entry of this id, if it is the organisation's.
pub async fn find(ctx: &Ctx, id: AuditEntryId) -> Result<Option<audit_entry::Model>> {
    let organization = ctx.require(Permission::AuditRead)?;
    let rows = audit_entry::Entity::in_org(organization).filter(audit_entry::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?)
}

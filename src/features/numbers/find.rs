//! Which senders an organisation sees: its own, and the system config's while it falls back on that.

use std::collections::HashMap;

use entity::{
    Tenanted, carrier_config,
    ids::{NumberId, OrganizationId},
    number,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::Expr,
};

use crate::{
    base::{caller::Permission, ctx::Ctx, error::Result, region},
    features::carrier_configs::{query, senders},
    graphql::{
        loader::Fetch,
        page::{self, Page, PageArgs, Sort},
    },
};

/// The senders that the caller's organisation can send from, oldest first.
pub async fn list(ctx: &Ctx, args: PageArgs) -> Result<Page<number::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let select = usable(ctx.db(), organization).await?;
    let sort = Sort { key: number::Column::CreatedAt, id: number::Column::Id, descending: false };
    page::fetch(ctx, "numbers", select, sort, args).await
}

/// The sender of this address (in any common writing) that the organisation can send from.
pub async fn by_address(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    text: &str,
) -> Result<Option<number::Model>> {
    let region = region::of(db, organization).await?;
    let parsed = senders::parse_address(text, region);
    let address = parsed.map_or_else(|| text.trim().to_owned(), |address| address.as_str().to_owned());
    let select = usable(db, organization).await?;
    Ok(select.filter(number::Column::Address.eq(address)).one(db).await?)
}

async fn usable(db: &impl ConnectionTrait, organization: OrganizationId) -> Result<Select<number::Entity>> {
    let own = query::of_organization(organization).limit(1).one(db).await?;
    if own.is_some() {
        return Ok(number::Entity::in_org(organization));
    }
    Ok(number::Entity::find().filter(is_shared()))
}

/// The sender is one of a system config's.
fn is_shared() -> Expr {
    let shared = query::of_system().select_only().column(carrier_config::Column::Id).into_query();
    number::Column::CarrierConfigId.in_subquery(shared)
}

/// Senders of conversations and messages; those of the system config are everybody's.
#[derive(Debug)]
pub struct NumbersById;

impl Fetch for NumbersById {
    type Key = NumberId;
    type Value = number::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<NumberId>) -> Result<HashMap<NumberId, number::Model>> {
        let organization = ctx.organization()?;
        let visible = Condition::any().add(number::Column::OrganizationId.eq(organization)).add(is_shared());
        let rows = number::Entity::find().filter(number::Column::Id.is_in(keys)).filter(visible);
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

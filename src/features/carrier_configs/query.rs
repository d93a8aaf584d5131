//! Reads configs: an organisation sees its own and the system's, and nobody else's.

use std::collections::HashMap;

use entity::{
    carrier_config,
    ids::{CarrierConfigId, OrganizationId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Select};

use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, Result},
    },
    graphql::loader::Fetch,
};

/// The organisation's own configs.
pub fn of_organization(organization: OrganizationId) -> Select<carrier_config::Entity> {
    carrier_config::Entity::find().filter(carrier_config::Column::OrganizationId.eq(organization))
}

/// The system's configs.
pub fn of_system() -> Select<carrier_config::Entity> {
    carrier_config::Entity::find().filter(carrier_config::Column::OrganizationId.is_null())
}

/// A config that the organisation may send through: its own, or the system's.
pub async fn find(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    id: CarrierConfigId,
) -> Result<Option<carrier_config::Model>> {
    let row = carrier_config::Entity::find_by_id(id).one(db).await?;
    Ok(row.filter(|row| is_visible(row, organization)))
}

/// The organisation's own configs, the default one first, then the system's.
pub async fn list(ctx: &Ctx) -> Result<Vec<carrier_config::Model>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let mut rows = of_organization(organization)
        .order_by_desc(carrier_config::Column::IsDefault)
        .order_by_asc(carrier_config::Column::CreatedAt)
        .all(ctx.db())
        .await?;
    rows.extend(of_system().all(ctx.db()).await?);
    Ok(rows)
}

/// A config that the caller may change: its organisation's own, or as an operator the system's.
pub async fn manageable(ctx: &Ctx, id: CarrierConfigId) -> Result<carrier_config::Model> {
    let organization = ctx.require(Permission::CarriersManage)?;
    let row = find(ctx.db(), organization, id).await?.ok_or_else(|| Error::not_found().at(&["id"]))?;
    if row.organization_id.is_none() {
        ctx.caller.require_operator()?;
    }
    Ok(row)
}

/// Whether the caller may see account, address and state of the secret, and not just that the config is there.
pub fn shows_details(ctx: &Ctx, row: &carrier_config::Model) -> bool {
    let manages = ctx.require(Permission::CarriersManage).is_ok_and(|own| row.organization_id == Some(own));
    manages || (row.organization_id.is_none() && ctx.caller.require_operator().is_ok())
}

fn is_visible(row: &carrier_config::Model, organization: OrganizationId) -> bool {
    row.organization_id.is_none_or(|owner| owner == organization)
}

/// Configs of numbers and messages.
#[derive(Debug)]
pub struct CarrierConfigsById;

impl Fetch for CarrierConfigsById {
    type Key = CarrierConfigId;
    type Value = carrier_config::Model;

    async fn fetch(
        ctx: &Ctx,
        keys: Vec<CarrierConfigId>,
    ) -> Result<HashMap<CarrierConfigId, carrier_config::Model>> {
        let organization = ctx.organization()?;
        let rows = carrier_config::Entity::find().filter(carrier_config::Column::Id.is_in(keys));
        let rows = rows.all(ctx.db()).await?;
        Ok(rows.into_iter().filter(|row| is_visible(row, organization)).map(|row| (row.id, row)).collect())
    }
}

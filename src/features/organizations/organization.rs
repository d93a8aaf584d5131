//! Organisations themselves: making, changing, finding the operator's.

use async_graphql::InputObject;
use entity::{ids::OrganizationId, organization};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set, sea_query::Expr,
};
use serde_json::json;

use super::name;
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result, is_unique_violation},
        phone::Region,
        tx::Tx,
    },
    graphql::scalars::CountryCodeText,
};

/// An organisation that is not yet there.
#[derive(Debug)]
pub struct NewOrganization {
    /// Checked by `name::parse`.
    pub name: String,
    /// How its national numbers are read.
    pub default_region: Region,
    /// Whether it is the operator's own; there is at most one.
    pub is_operator: bool,
}

/// Makes an organisation; `CONFLICT` for a second operator's one.
pub async fn create(ctx: &Ctx, tx: &Tx, new: NewOrganization) -> Result<organization::Model> {
    let row = organization::ActiveModel {
        id: Set(OrganizationId::new()),
        name: Set(new.name),
        default_region: Set(new.default_region.to_string()),
        is_operator: Set(new.is_operator),
        created_at: Set(ctx.now()),
        ..Default::default()
    };
    row.insert(&**tx).await.map_err(|error| {
        if is_unique_violation(&error) {
            return Error::new(ErrorCode::Conflict, "The operator's organisation exists already.");
        }
        error.into()
    })
}

/// What to change of the caller's organisation; what is not given stays.
#[derive(Debug, Default, InputObject)]
pub struct UpdateOrganizationInput {
    /// Its new name, 1 to 200 characters.
    pub name: Option<String>,
    /// The country in whose way phone numbers without a country code are read from now on.
    pub default_region: Option<CountryCodeText>,
}

/// Changes the caller's organisation.
pub async fn update(ctx: &Ctx, input: UpdateOrganizationInput) -> Result<organization::Model> {
    let id = ctx.require(Permission::MembersManage)?;
    let new_name = input.name.map(|raw| name::parse(&raw, "name")).transpose()?;
    let region = input.default_region.map(|raw| parse_region(&raw.0)).transpose()?;
    let detail = json!({ "name": new_name.as_deref().map(audit::shown), "defaultRegion": region });
    let tx = ctx.begin().await?;
    let mut row = find(&*tx, id).await?.into_active_model();
    if let Some(name) = new_name {
        row.name = Set(name);
    }
    if let Some(region) = region {
        row.default_region = Set(region.to_string());
    }
    let row = if row.is_changed() { row.update(&*tx).await? } else { find(&*tx, id).await? };
    audit::record(ctx, &*tx, "updateOrganization", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(row)
}

/// Reads a country code; the error names `defaultRegion`.
pub fn parse_region(raw: &str) -> Result<Region> {
    let unknown = |_| Error::input(&["defaultRegion"], "No country with phone numbers has this code.");
    raw.trim().to_ascii_uppercase().parse().map_err(unknown)
}

/// An organisation that must be there, since a caller acts in it; `NOT_FOUND` otherwise.
pub async fn find(db: &impl ConnectionTrait, id: OrganizationId) -> Result<organization::Model> {
    organization::Entity::find_by_id(id).one(db).await?.ok_or_else(Error::not_found)
}

/// How the organisation's national numbers are read.
pub fn region(organization: &organization::Model) -> Region {
    organization.default_region.parse().unwrap_or(Region::US)
}

/// The operator's own organisation, once made: it owns the system config's senders and takes inbound messages that no
/// other organisation can claim (design.md §2).
pub async fn operator_organization(db: &impl ConnectionTrait) -> Result<Option<organization::Model>> {
    // Bare, without a parameter: only so SQLite knows that the partial index on it fits.
    Ok(organization::Entity::find().filter(Expr::cust("is_operator")).one(db).await?)
}

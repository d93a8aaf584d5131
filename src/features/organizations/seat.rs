//! A user's seat: which of their organisations they act in, and as what. Reads only.

use entity::{
    enums::Role,
    ids::{OrganizationId, UserId},
    membership, organization, user,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::base::error::Result;

/// A user in one of their organisations, as the database has it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Who.
    pub user: user::Model,
    /// Where.
    pub organization: organization::Model,
    /// As what.
    pub role: Role,
}

/// The user's seat in that organisation; without one named, in the one that they joined first. `None`: no such seat.
pub async fn find(
    db: &impl ConnectionTrait,
    user: user::Model,
    organization: Option<OrganizationId>,
) -> Result<Option<Seat>> {
    let mut query = membership::Entity::find().filter(membership::Column::UserId.eq(user.id));
    if let Some(organization) = organization {
        query = query.filter(membership::Column::OrganizationId.eq(organization));
    }
    let seated = query
        .order_by_asc(membership::Column::CreatedAt)
        .order_by_asc(membership::Column::Id)
        .one(db)
        .await?;
    let Some(seated) = seated else { return Ok(None) };
    let organization = organization::Entity::find_by_id(seated.organization_id).one(db).await?;
    Ok(organization.map(|organization| Seat { user, organization, role: seated.role }))
}

/// The same from a user's id.
pub async fn of(
    db: &impl ConnectionTrait,
    user: UserId,
    organization: OrganizationId,
) -> Result<Option<Seat>> {
    match user::Entity::find_by_id(user).one(db).await? {
        Some(user) => find(db, user, Some(organization)).await,
        None => Ok(None),
    }
}

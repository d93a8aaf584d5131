//! `memberships`: a user's role in one organisation.

use sea_orm::entity::prelude::*;

use crate::{
    enums::Role,
    ids::{MembershipId, OrganizationId, UserId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "memberships")]
pub struct Model {
    /// Public prefix `mem_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MembershipId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Unique beside the organisation.
    pub user_id: UserId,
    /// What the user may do there.
    pub role: Role,
    /// When the user joined.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

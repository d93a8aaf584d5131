//! `events`: the log that subscribers replay; positions are dense per organisation, in commit order.

use sea_orm::entity::prelude::*;

use crate::ids::OrganizationId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    /// From 1, without holes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// Such as `message.received`.
    pub kind: String,
    /// Public id.
    pub subject: String,
    /// Snapshot of the subject.
    pub data: Json,
    /// Commit.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

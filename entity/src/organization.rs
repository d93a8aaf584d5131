//! `organizations`: the tenants.

use sea_orm::entity::prelude::*;

use crate::ids::OrganizationId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    /// Public prefix `org_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    /// As its people write it.
    pub name: String,
    /// ISO 3166-1 alpha-2: how national numbers of this organisation are read.
    pub default_region: String,
    /// The operator's own organisation: owner of the system config's senders and home of unclaimed inbound messages. At most one.
    pub is_operator: bool,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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
    /// Since when an operator lets it change and send nothing.
    pub suspended_at: Option<DateTimeUtc>,
    /// Days that messages are kept; the installation's default when null, as for the three below.
    pub message_days: Option<i32>,
    /// Days that files of messages are kept.
    pub media_days: Option<i32>,
    /// Days that audit entries are kept; at least 30.
    pub audit_days: Option<i32>,
    /// Days that events are kept for replay.
    pub event_days: Option<i32>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

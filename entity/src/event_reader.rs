//! `event_readers`: durable cursors over event logs. What lies behind one is kept past the retention.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::ids::OrganizationId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_readers")]
pub struct Model {
    /// Of whatever reads, such as a webhook endpoint.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant whose log is read.
    pub organization_id: OrganizationId,
    /// The last position that was read.
    pub position: i64,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

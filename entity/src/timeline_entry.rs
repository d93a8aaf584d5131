//! `message_timeline`: every receipt and decision of a message, in order, as data.

use sea_orm::entity::prelude::*;

use crate::{
    enums::TimelineKind,
    ids::{MessageId, OrganizationId, TimelineEntryId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message_timeline")]
pub struct Model {
    /// Sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TimelineEntryId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Whose.
    pub message_id: MessageId,
    /// What happened.
    pub kind: TimelineKind,
    /// The facts.
    pub detail: Json,
    /// When.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

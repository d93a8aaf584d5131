//! `receipts`: raw delivery receipts; one without a message is parked until its message is known.

use sea_orm::entity::prelude::*;

use crate::ids::{AttemptId, MessageId, OrganizationId, ReceiptId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub struct Model {
    /// Internal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReceiptId,
    /// The config's organisation, or the operator's.
    pub organization_id: OrganizationId,
    /// The carrier account.
    pub account: String,
    /// The carrier's id.
    pub carrier_message_id: String,
    /// From the callback's address.
    pub attempt_id: Option<AttemptId>,
    /// Null: parked.
    pub message_id: Option<MessageId>,
    /// The carrier's word.
    pub carrier_status: String,
    /// With a failure.
    pub error_code: Option<i32>,
    /// Every parameter as it came.
    pub raw: Json,
    /// When it came.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

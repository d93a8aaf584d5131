//! `conversations`: threads: one of our senders with one phone.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::Direction,
    ids::{ContactId, ConversationId, MessageId, NumberId, OrganizationId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "conversations")]
pub struct Model {
    /// Public prefix `cnv_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Our sender; null once it was removed.
    pub number_id: Option<NumberId>,
    /// Our sender's address.
    pub sender: String,
    /// The other phone.
    pub contact_number: String,
    /// Who that is, when known.
    pub contact_id: Option<ContactId>,
    /// The newest message.
    pub last_message_id: Option<MessageId>,
    /// When it came or was accepted.
    pub last_message_at: DateTimeUtc,
    /// Whose turn it is.
    pub last_direction: Direction,
    /// Inbound messages since the last reading.
    pub unread_count: i32,
    /// When somebody last read it.
    pub last_read_at: Option<DateTimeUtc>,
    /// First message.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

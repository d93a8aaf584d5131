//! `message_media`: files of messages: where the carrier (inbound) or the sender (outbound) keeps them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ids::{MediaId, MessageId, OrganizationId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "message_media")]
pub struct Model {
    /// Public prefix `med_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MediaId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Whose.
    pub message_id: MessageId,
    /// Order as given.
    pub position: i32,
    /// The original address; the carrier's needs its credentials and is never shown.
    pub url: String,
    /// As the carrier said.
    pub content_type: Option<String>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

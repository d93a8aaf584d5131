//! `tombstones`: messages of a carrier that were ours and are deleted. A second delivery of one is still a duplicate.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstones")]
pub struct Model {
    /// The carrier account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    /// The carrier's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub carrier_message_id: String,
    /// When the message was deleted.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

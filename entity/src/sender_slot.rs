//! `sender_slots`: when each sender may send next: pacing across instances.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sender_slots")]
pub struct Model {
    /// `account/address`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sender_key: String,
    /// Milliseconds since 1970.
    pub next_at: i64,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

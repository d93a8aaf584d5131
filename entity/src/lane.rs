//! `lanes`: when each line of jobs that share a pace, such as a sender's, moves next: pacing across instances.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lanes")]
pub struct Model {
    /// Such as `account/address`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// The next slot: microseconds since 1970.
    pub next_at: i64,
    /// Microseconds between two slots.
    pub gap: i64,
    /// Whether jobs may be in the line.
    pub waiting: bool,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

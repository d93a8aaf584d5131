//! `throttles`: failed tries per key (sign-in by address, by e-mail), shared by all instances.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "throttles")]
pub struct Model {
    /// What is throttled.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Since the window began.
    pub failures: i32,
    /// Begin of the window.
    pub window_start: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! `users`: people who sign in; a user belongs to organisations through memberships.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Public prefix `usr_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Unique, lower case.
    pub email: String,
    /// As the person writes it.
    pub name: String,
    /// E.164.
    pub phone: Option<String>,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// Set by `phonehub admin` only.
    pub is_operator: bool,
    /// When the account was made.
    pub created_at: DateTimeUtc,
    /// Last change of name, phone or password.
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

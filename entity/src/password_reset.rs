//! `password_resets`: links that let a user choose a new password; the token is stored hashed.

use sea_orm::entity::prelude::*;

use crate::ids::{PasswordResetId, UserId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    /// Internal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PasswordResetId,
    /// Whose password.
    pub user_id: UserId,
    /// SHA-256 of the token in the link.
    pub token_hash: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Useless from then on.
    pub expires_at: DateTimeUtc,
    /// Set once.
    pub used_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

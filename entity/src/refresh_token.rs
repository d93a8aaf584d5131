//! `refresh_tokens`: refresh tokens, each good for one use.

use sea_orm::entity::prelude::*;

use crate::ids::{RefreshTokenId, SessionId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    /// Internal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefreshTokenId,
    /// The family.
    pub session_id: SessionId,
    /// SHA-256 of the token; unique.
    pub token_hash: Vec<u8>,
    /// When it was issued.
    pub created_at: DateTimeUtc,
    /// A second use revokes the family.
    pub used_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

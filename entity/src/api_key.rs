//! `api_keys`: partners' keys; only a hash is kept.

use sea_orm::entity::prelude::*;

use crate::ids::{ApiKeyId, OrganizationId, UserId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    /// Public prefix `key_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    /// The tenant that the key acts for.
    pub organization_id: OrganizationId,
    /// What it is for.
    pub name: String,
    /// Its first characters, to recognise it by.
    pub hint: String,
    /// SHA-256 of the whole key; unique.
    pub secret_hash: Vec<u8>,
    /// List of scope names; nothing by default.
    pub scopes: Json,
    /// Null when made by `phonehub admin`.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Refused from then on.
    pub expires_at: Option<DateTimeUtc>,
    /// Kept to about a minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// Refused from then on.
    pub revoked_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

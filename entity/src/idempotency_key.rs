//! `idempotency_keys`: keys of retried client calls, beside what they made.

use sea_orm::entity::prelude::*;

use crate::ids::OrganizationId;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    /// Which mutation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mutation: String,
    /// As the client gave it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the input: other input under the same key is refused.
    pub fingerprint: Vec<u8>,
    /// Public id of what was made.
    pub subject: String,
    /// When.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

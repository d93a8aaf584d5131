//! `invitations`: open and accepted invitations; the token is stored hashed.

use sea_orm::entity::prelude::*;

use crate::{
    enums::Role,
    ids::{InvitationId, OrganizationId, UserId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    /// Public prefix `inv_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    /// The tenant that invites.
    pub organization_id: OrganizationId,
    /// Lower case.
    pub email: String,
    /// The role on acceptance.
    pub role: Role,
    /// SHA-256 of the token in the link.
    pub token_hash: Vec<u8>,
    /// Null when made by `phonehub admin`.
    pub invited_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Not acceptable from then on.
    pub expires_at: DateTimeUtc,
    /// Set once.
    pub accepted_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

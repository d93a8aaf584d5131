//! `sessions`: one signed-in device: a family of refresh tokens that is revoked as a whole.

use sea_orm::entity::prelude::*;

use crate::ids::{OrganizationId, SessionId, UserId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Public prefix `ses_`; the access token's `sid`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The organisation that its tokens act in.
    pub organization_id: OrganizationId,
    /// Sign-in.
    pub created_at: DateTimeUtc,
    /// No refresh from then on.
    pub expires_at: DateTimeUtc,
    /// Set by sign-out, password change or the reuse of a spent refresh token.
    pub revoked_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

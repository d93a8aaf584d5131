//! `audit_entries`: who did what, when, from where: one row a mutation or use of a secret.

use sea_orm::entity::prelude::*;

use crate::ids::{ApiKeyId, AuditEntryId, OrganizationId, UserId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    /// Public prefix `aud_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// Null for acts outside any organisation (a failed sign-in).
    pub organization_id: Option<OrganizationId>,
    /// The acting user.
    pub user_id: Option<UserId>,
    /// The acting key.
    pub api_key_id: Option<ApiKeyId>,
    /// The mutation's name, or what was done.
    pub action: String,
    /// Public id of what it was done to.
    pub subject: Option<String>,
    /// Facts beside; no secrets, bodies at most 160 characters.
    pub detail: Json,
    /// Remote address.
    pub ip: Option<String>,
    /// As in the logs.
    pub request_id: String,
    /// When.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

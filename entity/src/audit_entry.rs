//! `audit_entries`: who did what, when, from where: one row a mutation, done or refused. The database lets nobody change one.

use sea_orm::entity::prelude::*;

use crate::{
    enums::{AuditActor, AuditOutcome},
    ids::{ApiKeyId, AuditEntryId, OrganizationId, UserId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    /// Public prefix `aud_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// Null for acts outside any organisation (a failed sign-in).
    pub organization_id: Option<OrganizationId>,
    /// What kind of caller.
    pub actor: AuditActor,
    /// The acting user.
    pub user_id: Option<UserId>,
    /// The acting key.
    pub api_key_id: Option<ApiKeyId>,
    /// The mutation's name, or what was done.
    pub action: String,
    /// Public id of what it was done to.
    pub subject: Option<String>,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// Why not, in the API's own code.
    pub error_code: Option<String>,
    /// Facts beside; no secrets, and nothing that a person may want erased: this row cannot be changed.
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

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

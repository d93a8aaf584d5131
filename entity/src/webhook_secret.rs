//! `webhook_secrets`: what an endpoint's deliveries are signed with; several live while one replaces another.

use sea_orm::entity::prelude::*;

use crate::ids::{OrganizationId, WebhookEndpointId, WebhookSecretId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_secrets")]
pub struct Model {
    /// Public prefix `whs_`; not shown.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookSecretId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Whose deliveries it signs.
    pub endpoint_id: WebhookEndpointId,
    /// Sealed.
    pub secret: Vec<u8>,
    /// Its last four characters.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Signs until then; null for the newest.
    pub expires_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

//! `webhook_attempts`: each finished try to deliver, with what came of it.

use sea_orm::entity::prelude::*;

use crate::ids::{OrganizationId, WebhookDeliveryId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempts")]
pub struct Model {
    /// Of what.
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: WebhookDeliveryId,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i32,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// When it began.
    pub started_at: DateTimeUtc,
    /// How long it took.
    pub duration_ms: i64,
    /// What the endpoint answered; null when no answer came.
    pub http_status: Option<i32>,
    /// Why it failed, in words without addresses or bodies; null when it worked.
    pub error: Option<String>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

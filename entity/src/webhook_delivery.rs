//! `webhook_deliveries`: one row an event and endpoint, with the body as it is posted, so that no retry needs the log.

use sea_orm::entity::prelude::*;

use crate::{
    enums::WebhookDeliveryStatus,
    ids::{OrganizationId, WebhookDeliveryId, WebhookEndpointId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    /// Public prefix `whd_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Where it goes.
    pub endpoint_id: WebhookEndpointId,
    /// The event's place in the organisation's log; unique beside the endpoint.
    pub position: i64,
    /// The event's kind, such as `message.received`.
    pub kind: String,
    /// What is posted, byte by byte the same at each attempt.
    pub body: String,
    /// How far it is.
    pub status: WebhookDeliveryStatus,
    /// Failed attempts since it was planned or redelivered.
    pub tries: i32,
    /// All attempts ever made.
    pub attempts: i32,
    /// Null once it is finished.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// When it was planned.
    pub created_at: DateTimeUtc,
    /// When it was delivered or given up.
    pub finished_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

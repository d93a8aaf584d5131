//! `webhook_endpoints`: where partners want events posted to.

use sea_orm::entity::prelude::*;

use crate::{
    enums::WebhookDisabledReason,
    ids::{OrganizationId, WebhookEndpointId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    /// Public prefix `whe_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Where events are posted to.
    pub url: String,
    /// List of the kinds of events that it wants, as the log names them.
    pub types: Json,
    /// What it is for; may be empty.
    pub description: String,
    /// The first failed attempt since the last one that worked.
    pub failing_since: Option<DateTimeUtc>,
    /// Nothing is delivered from then on.
    pub disabled_at: Option<DateTimeUtc>,
    /// Why.
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Last change by somebody.
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

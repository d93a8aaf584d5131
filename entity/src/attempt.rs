//! `attempts`: tries to hand a message to the carrier; a row commits before the carrier is called.

use sea_orm::entity::prelude::*;

use crate::{
    enums::AttemptState,
    ids::{AttemptId, CarrierConfigId, MessageId, OrganizationId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    /// Part of the status callback's address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AttemptId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// What is sent.
    pub message_id: MessageId,
    /// Through what.
    pub carrier_config_id: CarrierConfigId,
    /// 1 for the first try; unique beside the message.
    pub ordinal: i32,
    /// What is known of it.
    pub state: AttemptState,
    /// Lease token of the worker that made it.
    pub fence: i64,
    /// Once known.
    pub carrier_message_id: Option<String>,
    /// The carrier's id was found in a list among copies that look alike; its answer or a callback overrides it.
    pub guessed: bool,
    /// The carrier's refusal.
    pub error_code: Option<i32>,
    /// The refusal or doubt in words.
    pub error_message: Option<String>,
    /// Complete lists of the carrier that did not show it.
    pub clean_lists: i32,
    /// Just before the call.
    pub started_at: DateTimeUtc,
    /// When the outcome was known.
    pub ended_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

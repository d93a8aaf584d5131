//! `messages`: every message, in and out.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{Direction, Encoding, MessageStatus},
    ids::{ApiKeyId, CarrierConfigId, ConversationId, MessageId, NumberId, OrganizationId, UserId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    /// Public prefix `msg_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Its thread.
    pub conversation_id: ConversationId,
    /// Our sender's row; null once it was removed.
    pub number_id: Option<NumberId>,
    /// The config it goes through; null once that was deleted.
    pub carrier_config_id: Option<CarrierConfigId>,
    /// The carrier account; unique beside `carrier_message_id`.
    pub account: String,
    /// In or out.
    pub direction: Direction,
    /// From.
    pub sender: String,
    /// To.
    pub recipient: String,
    /// The text; empty when redacted or media only.
    pub body: String,
    /// Files in `message_media`.
    pub media_count: i32,
    /// Radio segments; the carrier's count replaces our own.
    pub segments: i32,
    /// GSM-7 or UCS-2.
    pub encoding: Encoding,
    /// ISO 3166-1 alpha-2 of the other phone.
    pub country: Option<String>,
    /// Only rises in rank.
    pub status: MessageStatus,
    /// `MessageStatus::rank`, for guarded updates.
    pub status_rank: i32,
    /// The carrier's own word.
    pub carrier_status: Option<String>,
    /// The carrier's id (Twilio: `SM…`, `MM…`).
    pub carrier_message_id: Option<String>,
    /// The carrier's error code.
    pub error_code: Option<i32>,
    /// The carrier's or our own words.
    pub error_message: Option<String>,
    /// Went to a sandbox.
    pub is_test: bool,
    /// Author, when a person sent it.
    pub user_id: Option<UserId>,
    /// Author, when a key sent it.
    pub api_key_id: Option<ApiKeyId>,
    /// Lower goes first: 0 one-off, 10 bulk.
    pub priority: i32,
    /// Not handed over before.
    pub scheduled_at: Option<DateTimeUtc>,
    /// The carrier drops it when still queued after that.
    pub validity_seconds: Option<i32>,
    /// What the carrier charged, in millionths of the currency.
    pub price_micros: Option<i64>,
    /// ISO 4217.
    pub price_currency: Option<String>,
    /// Tries to hand it over.
    pub attempts: i32,
    /// Accepted from the client or received.
    pub created_at: DateTimeUtc,
    /// Last change.
    pub updated_at: DateTimeUtc,
    /// The carrier passed it on.
    pub sent_at: Option<DateTimeUtc>,
    /// The handset has it.
    pub delivered_at: Option<DateTimeUtc>,
    /// Final failure.
    pub failed_at: Option<DateTimeUtc>,
    /// Its text and files were erased here.
    pub redacted_at: Option<DateTimeUtc>,
    /// The carrier's copy was erased, or the carrier has none.
    pub carrier_redacted_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

//! One try to hand a message over.

use async_graphql::Object;
use chrono::{DateTime, Utc};
use entity::{
    attempt,
    enums::AttemptState,
    ids::{AttemptId, CarrierConfigId},
};

/// One try to hand a message to the carrier. It is recorded before the carrier is called.
#[derive(Clone, Debug)]
pub struct Attempt(pub attempt::Model);

/// One try to hand a message to the carrier. It is recorded before the carrier is called.
#[Object]
impl Attempt {
    /// `att_…`; part of the address at which the carrier reports on this try.
    pub async fn id(&self) -> AttemptId {
        self.0.id
    }

    /// 1 for the first try.
    async fn ordinal(&self) -> i32 {
        self.0.ordinal
    }

    /// What is known of it.
    async fn state(&self) -> AttemptState {
        self.0.state
    }

    /// The config that it went through.
    async fn carrier_config_id(&self) -> CarrierConfigId {
        self.0.carrier_config_id
    }

    /// The carrier's id of what this try made, once known.
    async fn carrier_message_id(&self) -> Option<&str> {
        self.0.carrier_message_id.as_deref()
    }

    /// Just before the carrier was called.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When the outcome was known.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// The carrier's code for its refusal.
    async fn error_code(&self) -> Option<i32> {
        self.0.error_code
    }

    /// The refusal or doubt in words.
    async fn error_message(&self) -> Option<&str> {
        self.0.error_message.as_deref()
    }
}

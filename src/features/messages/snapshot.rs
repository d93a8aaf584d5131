//! What subscribers are told: the row as it was after the change, so that a replay shows what live subscribers saw.

use entity::{conversation, message};
use serde::{Deserialize, Serialize};

use crate::base::{error::Result, events::Event, tx::NewEvent};

/// An inbound message arrived.
pub const RECEIVED: &str = "message.received";
/// A message was accepted, or its status rose.
pub const STATUS_CHANGED: &str = "message.status_changed";
/// The carrier named its price or another late fact.
pub const UPDATED: &str = "message.updated";
/// A conversation has a new message or was read.
pub const CONVERSATION_UPDATED: &str = "conversation.updated";

/// What a message event carries.
#[derive(Debug, Serialize, Deserialize)]
pub struct MessageSnapshot {
    /// The row.
    pub message: message::Model,
}

/// What a conversation event carries.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConversationSnapshot {
    /// The row.
    pub conversation: conversation::Model,
}

/// A change of a message, to be emitted in the transaction that makes it.
pub fn of_message(kind: &'static str, message: &message::Model) -> Result<NewEvent> {
    Ok(NewEvent {
        organization_id: message.organization_id,
        kind,
        subject: message.id.to_string(),
        data: serde_json::to_value(MessageSnapshot { message: message.clone() })?,
    })
}

/// A change of a conversation, to be emitted in the transaction that makes it.
pub fn of_conversation(conversation: &conversation::Model) -> Result<NewEvent> {
    Ok(NewEvent {
        organization_id: conversation.organization_id,
        kind: CONVERSATION_UPDATED,
        subject: conversation.id.to_string(),
        data: serde_json::to_value(ConversationSnapshot { conversation: conversation.clone() })?,
    })
}

/// The message of an event of these kinds.
pub fn message_in(event: &Event) -> Result<message::Model> {
    Ok(MessageSnapshot::deserialize(&*event.data)?.message)
}

/// The conversation of an event of its kind.
pub fn conversation_in(event: &Event) -> Result<conversation::Model> {
    Ok(ConversationSnapshot::deserialize(&*event.data)?.conversation)
}

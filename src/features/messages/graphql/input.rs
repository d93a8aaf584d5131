//! Inputs of the mutations, and how `sendMessage`'s becomes the service's.

use async_graphql::{InputObject, OneofObject};
use chrono::{DateTime, Utc};
use entity::ids::{CarrierConfigId, ContactId, ConversationId, JobId, MessageId};

use crate::{
    features::messages::{recipient::Recipient, resolve::Resolution, send::SendMessage},
    graphql::scalars::PhoneNumberText,
};

/// To whom: exactly one of these.
#[derive(Clone, Debug, OneofObject)]
pub enum MessageRecipientInput {
    /// A phone, in any common writing.
    PhoneNumber(PhoneNumberText),
    /// A contact, at their first number.
    ContactId(ContactId),
}

/// A message to send. Give `body`, `mediaUrls` or both.
#[derive(Clone, Debug, InputObject)]
pub struct SendMessageInput {
    /// To whom.
    pub to: MessageRecipientInput,
    /// Up to 255 characters of your choice, new for every message. Repeating a call under the same key never sends twice:
    /// it answers the message that the first call made.
    pub idempotency_key: String,
    /// The text; at most 1,600 characters.
    pub body: Option<String>,
    /// Public addresses of files that the carrier fetches; at most ten, of 2,048 characters each.
    pub media_urls: Option<Vec<String>>,
    /// The sender: one of your numbers in any common writing, a short code, sender id or messaging service. Without it,
    /// the config's default sender.
    pub from: Option<String>,
    /// The config to send through. Without it, the organisation's own, or else the installation's.
    pub carrier_config_id: Option<CarrierConfigId>,
    /// Not handed over before this time; at most a year ahead and a day ago. It can be cancelled until then.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Seconds after which a message that is still waiting is dropped rather than sent late; 1 to 36,000.
    pub validity_seconds: Option<i32>,
    /// 0 goes first, 100 last; 0 by default.
    pub priority: Option<i32>,
}

impl From<SendMessageInput> for SendMessage {
    fn from(input: SendMessageInput) -> Self {
        Self {
            to: match input.to {
                MessageRecipientInput::PhoneNumber(number) => Recipient::PhoneNumber(number.0),
                MessageRecipientInput::ContactId(id) => Recipient::Contact(id),
            },
            idempotency_key: input.idempotency_key,
            body: input.body,
            media_urls: input.media_urls.unwrap_or_default(),
            from: input.from,
            carrier_config_id: input.carrier_config_id,
            scheduled_at: input.scheduled_at,
            validity_seconds: input.validity_seconds,
            priority: input.priority,
        }
    }
}

/// Which message to withdraw.
#[derive(Clone, Debug, InputObject)]
pub struct CancelMessageInput {
    /// The message.
    pub message_id: MessageId,
}

/// What became of a message that nobody knows about.
#[derive(Clone, Debug, InputObject)]
pub struct ResolveMessageInput {
    /// The message; its status is UNKNOWN.
    pub message_id: MessageId,
    /// What to do.
    pub resolution: Resolution,
}

/// Which conversation was read.
#[derive(Clone, Debug, InputObject)]
pub struct MarkConversationReadInput {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// Which dead job to run again.
#[derive(Clone, Debug, InputObject)]
pub struct RedriveJobInput {
    /// The job.
    pub job_id: JobId,
}

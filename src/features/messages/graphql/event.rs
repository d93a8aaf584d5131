//! Entries of the event log as subscribers see them: their kinds, who may see which, and their public form.

use async_graphql::{Enum, Object, SimpleObject, resolver_utils::EnumType};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{conversation::Conversation, message::Message};
use crate::{
    base::{caller::Permission, events},
    features::messages::snapshot,
    graphql::scalars::Json,
};

/// What can happen.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum EventType {
    /// An inbound message arrived.
    MessageReceived,
    /// A message was accepted, or its status rose.
    MessageStatusChanged,
    /// A late fact about a message became known, such as its price.
    MessageUpdated,
    /// A conversation has a new message, or was read.
    ConversationUpdated,
    /// A contact was made or changed.
    ContactUpdated,
    /// Somebody opted out, or in again.
    OptOutChanged,
    /// A carrier config was made, changed or deleted. Shown to those who manage carriers.
    CarrierConfigSaved,
    /// A webhook endpoint was disabled because it is gone or keeps failing. Shown to those who manage webhooks.
    WebhookEndpointDisabled,
}

impl EventType {
    /// Its name in the log.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::MessageReceived => snapshot::RECEIVED,
            Self::MessageStatusChanged => snapshot::STATUS_CHANGED,
            Self::MessageUpdated => snapshot::UPDATED,
            Self::ConversationUpdated => snapshot::CONVERSATION_UPDATED,
            Self::ContactUpdated => "contact.updated",
            Self::OptOutChanged => "opt_out.changed",
            Self::CarrierConfigSaved => "carrier_config.saved",
            Self::WebhookEndpointDisabled => "webhook_endpoint.disabled",
        }
    }

    /// What it takes to see it.
    pub const fn permission(self) -> Permission {
        match self {
            Self::CarrierConfigSaved => Permission::CarriersManage,
            Self::WebhookEndpointDisabled => Permission::WebhooksManage,
            _ => Permission::MessagesRead,
        }
    }

    /// The type of a log entry; `None` for kinds of a newer version of PhoneHub.
    pub fn of(kind: &str) -> Option<Self> {
        Self::items().iter().map(|item| item.value).find(|known| known.kind() == kind)
    }
}

/// Something that happened in the organisation.
#[derive(Clone, Debug)]
pub struct Event {
    /// The entry.
    pub entry: events::Event,
    /// Its kind.
    pub kind: EventType,
}

/// Something that happened in the organisation.
#[Object]
impl Event {
    /// What happened.
    #[graphql(name = "type")]
    async fn kind(&self) -> EventType {
        self.kind
    }

    /// Id of what it happened to.
    async fn subject(&self) -> &str {
        &self.entry.subject
    }

    /// When.
    async fn created_at(&self) -> DateTime<Utc> {
        self.entry.created_at
    }

    /// The subject as it was right after the event, as plain data.
    async fn data(&self) -> Json {
        Json(public(&self.entry.data))
    }

    /// The message as it was right after the event, when it is about one.
    async fn message(&self) -> Option<Message> {
        snapshot::message_in(&self.entry).ok().map(Message)
    }

    /// The conversation as it was right after the event, when it is about one.
    async fn conversation(&self) -> Option<Conversation> {
        snapshot::conversation_in(&self.entry).ok().map(Conversation)
    }
}

/// One event with its cursor.
#[derive(SimpleObject)]
pub struct EventEdge {
    /// Opaque; resumes right behind this event as `after` of any subscription.
    pub cursor: String,
    /// What happened.
    pub node: Event,
}

/// Columns that concern PhoneHub alone.
const INTERNAL: [&str; 3] = ["organization_id", "account", "status_rank"];

/// The snapshot in the API's spelling, without what concerns PhoneHub alone. What a column holds stays as it is.
pub fn public(data: &Value) -> Value {
    let Value::Object(subjects) = data else { return Value::Null };
    let subjects = subjects.iter().map(|(name, subject)| {
        let subject = match subject {
            Value::Object(columns) => Value::Object(renamed(columns)),
            other => other.clone(),
        };
        (camel(name), subject)
    });
    Value::Object(subjects.collect())
}

fn renamed(columns: &Map<String, Value>) -> Map<String, Value> {
    let shown = columns.iter().filter(|(name, _)| !INTERNAL.contains(&name.as_str()));
    shown.map(|(name, value)| (camel(name), value.clone())).collect()
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_in_the_spelling_of_the_api_and_hides_what_is_internal() {
        let data = json!({ "message": {
            "id": "msg_1", "organization_id": "org_1", "account": "twilio:x", "status_rank": 4,
            "media_count": 0, "metadata": { "their_key": 1 },
        } });
        let expected =
            json!({ "message": { "id": "msg_1", "mediaCount": 0, "metadata": { "their_key": 1 } } });
        assert_eq!(public(&data), expected);
    }

    #[test]
    fn every_type_is_found_by_its_kind() {
        for item in EventType::items() {
            assert_eq!(EventType::of(item.value.kind()), Some(item.value));
        }
        assert_eq!(EventType::of("of.tomorrow"), None);
    }
}

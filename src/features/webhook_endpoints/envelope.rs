//! What is posted: one event of the log as partners see it, and the id by which they tell a repetition. Pure.

use chrono::{DateTime, Utc};
use entity::ids::OrganizationId;
use serde::Serialize;
use serde_json::Value;

use crate::{
    base::{error::Result, events::Event},
    features::messages::graphql::public,
};

/// The body. `type`, `timestamp` and `data` are the specification's; the rest says where in the log it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: DateTime<Utc>,
    organization_id: OrganizationId,
    position: i64,
    subject: &'a str,
    data: Value,
}

/// The event as JSON text.
pub fn body(event: &Event) -> Result<String> {
    Ok(serde_json::to_string(&Envelope {
        kind: &event.kind,
        timestamp: event.created_at,
        organization_id: event.organization_id,
        position: event.position,
        subject: &event.subject,
        data: public(&event.data),
    })?)
}

/// `webhook-id`: the event's own id, the same at each attempt and at each endpoint. It holds no dot, which separates the
/// signed parts.
pub fn event_id(organization: OrganizationId, position: i64) -> String {
    let organization = organization.to_string();
    format!("evt_{}_{position}", organization.trim_start_matches(OrganizationId::PREFIX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_says_what_happened_and_where_it_stands() {
        let organization_id = OrganizationId::new();
        let data = json!({ "message": { "id": "msg_1", "organization_id": "internal", "media_count": 1 } });
        let event = Event {
            organization_id,
            position: 42,
            kind: "message.received".into(),
            subject: "msg_1".into(),
            data: Arc::new(data),
            created_at: DateTime::UNIX_EPOCH,
        };
        let body: Value = serde_json::from_str(&body(&event).unwrap()).unwrap();
        let expected = json!({
            "type": "message.received", "timestamp": "1970-01-01T00:00:00Z", "position": 42,
            "organizationId": organization_id, "subject": "msg_1",
            "data": { "message": { "id": "msg_1", "mediaCount": 1 } },
        });
        assert_eq!(body, expected);
        let id = event_id(organization_id, 42);
        assert!(id.starts_with("evt_") && id.ends_with("_42") && !id.contains('.'), "{id}");
    }
}

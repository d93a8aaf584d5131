//! What subscribers and the audit log are told of a config: everything but secrets.

use entity::{carrier_config, ids::OrganizationId};
use serde_json::{Value, json};

use crate::base::tx::NewEvent;

/// A config was made or changed.
pub fn saved(row: &carrier_config::Model, organization_id: OrganizationId) -> NewEvent {
    event("carrier_config.saved", row, organization_id)
}

/// A config is gone.
pub fn deleted(row: &carrier_config::Model, organization_id: OrganizationId) -> NewEvent {
    event("carrier_config.deleted", row, organization_id)
}

fn event(kind: &'static str, row: &carrier_config::Model, organization_id: OrganizationId) -> NewEvent {
    NewEvent { organization_id, kind, subject: row.id.to_string(), data: facts(row) }
}

/// The config as those who manage it may see it.
pub fn facts(row: &carrier_config::Model) -> Value {
    json!({
        "id": row.id,
        "isSystem": row.organization_id.is_none(),
        "provider": row.provider,
        "accountId": row.account_id,
        "baseUrl": row.base_url,
        "defaultSender": row.default_sender,
        "messagingService": row.messaging_service,
        "inDoubtPolicy": row.in_doubt_policy,
        "messagesPerSecond": row.messages_per_second,
        "repliesToStop": row.replies_to_stop,
        "provenAt": row.proven_at,
        "isTest": row.is_test,
        "isDefault": row.is_default,
        "credentialsSetAt": row.credentials_set_at,
        "updatedAt": row.updated_at,
    })
}

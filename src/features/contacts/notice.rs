//! What subscribers are told of contacts and refusals.

use entity::{contact, opt_out};
use serde_json::json;

use crate::base::tx::NewEvent;

/// A contact was made or changed.
pub fn contact_updated(row: &contact::Model, numbers: &[String]) -> NewEvent {
    NewEvent {
        organization_id: row.organization_id,
        kind: "contact.updated",
        subject: row.id.to_string(),
        data: json!({
            "id": row.id,
            "name": row.name,
            "externalId": row.external_id,
            "phoneNumbers": numbers,
            "metadata": row.metadata,
            "createdAt": row.created_at,
            "updatedAt": row.updated_at,
        }),
    }
}

/// A refusal was set or lifted.
pub fn opt_out_changed(row: &opt_out::Model) -> NewEvent {
    NewEvent {
        organization_id: row.organization_id,
        kind: "opt_out.changed",
        subject: row.id.to_string(),
        data: json!({
            "id": row.id,
            "phoneNumber": row.contact_number,
            "scope": row.scope,
            "source": row.source,
            "sender": sender_of(&row.sender_key),
            "createdAt": row.created_at,
            "liftedAt": row.lifted_at,
        }),
    }
}

/// The address in `account/address`; the account's id is not for everybody.
pub fn sender_of(key: &str) -> Option<&str> {
    key.rsplit_once('/').map(|(_, address)| address)
}

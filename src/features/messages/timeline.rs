//! The timeline: every receipt and every decision of a message, as data, in the transaction that made it true.

use chrono::{DateTime, Utc};
use entity::{
    enums::TimelineKind,
    ids::{MessageId, OrganizationId, TimelineEntryId},
    timeline_entry,
};
use sea_orm::{EntityTrait, Set};
use serde_json::Value;

use crate::base::{error::Result, tx::Tx};

/// Whose timeline.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// The message.
    pub message_id: MessageId,
}

impl From<&entity::message::Model> for Of {
    fn from(message: &entity::message::Model) -> Self {
        Self { organization_id: message.organization_id, message_id: message.id }
    }
}

/// Adds entries in this order.
pub async fn add(
    tx: &Tx,
    of: impl Into<Of>,
    at: DateTime<Utc>,
    entries: impl IntoIterator<Item = (TimelineKind, Value)>,
) -> Result<()> {
    let of = of.into();
    add_all(tx, entries.into_iter().map(|(kind, detail)| Entry { of, at, kind, detail })).await
}

/// What happened to a message.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose timeline.
    pub of: Of,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: TimelineKind,
    /// The facts.
    pub detail: Value,
}

/// Adds entries of several messages in this order.
pub async fn add_all(tx: &Tx, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
    let rows = entries.into_iter().map(|entry| timeline_entry::ActiveModel {
        id: Set(TimelineEntryId::new()),
        organization_id: Set(entry.of.organization_id),
        message_id: Set(entry.of.message_id),
        kind: Set(entry.kind),
        detail: Set(entry.detail),
        created_at: Set(entry.at),
    });
    timeline_entry::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

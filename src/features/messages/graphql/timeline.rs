//! One line of a message's timeline.

use async_graphql::Object;
use chrono::{DateTime, Utc};
use entity::{enums::TimelineKind, ids::TimelineEntryId, timeline_entry};

use crate::graphql::scalars::Json;

/// Something that happened to a message: a receipt as it came, or a decision with its reason.
#[derive(Clone, Debug)]
pub struct TimelineEntry(pub timeline_entry::Model);

/// Something that happened to a message: a receipt as it came, or a decision with its reason.
#[Object]
impl TimelineEntry {
    /// `tml_…`; sorts by time.
    pub async fn id(&self) -> TimelineEntryId {
        self.0.id
    }

    /// What happened.
    async fn kind(&self) -> TimelineKind {
        self.0.kind
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The facts: which config and why this sender, what the carrier said, when it will be tried again.
    async fn detail(&self) -> Json {
        Json(self.0.detail.clone())
    }
}

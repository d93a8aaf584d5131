//! The event log: written by `Tx` in the last statements before commit, read by cursor. Positions are dense per
//! organisation and follow the order of commits, so a reader can neither skip nor repeat one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::{Tenanted, event, event_counter, ids::OrganizationId};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use serde::{Deserialize, Serialize};

use super::{
    ctx::Hub,
    error::{Error, ErrorCode, Result},
};

/// Rows read at once when a subscriber catches up.
const PAGE: u64 = 500;

/// One committed change, as every subscriber sees it. Cheap to clone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Place in the organisation's log, from 1.
    pub position: i64,
    /// Such as `message.received`.
    pub kind: Arc<str>,
    /// Public id of what changed.
    pub subject: Arc<str>,
    /// The subject as it was after the change.
    pub data: Arc<serde_json::Value>,
    /// When it was committed, by the context's clock.
    pub created_at: DateTime<Utc>,
}

impl From<event::Model> for Event {
    fn from(row: event::Model) -> Self {
        Self {
            organization_id: row.organization_id,
            position: row.position,
            kind: row.kind.into(),
            subject: row.subject.into(),
            data: Arc::new(row.data),
            created_at: row.created_at,
        }
    }
}

/// The last position of an organisation; 0 before the first event.
pub async fn last_position(db: &impl ConnectionTrait, organization: OrganizationId) -> Result<i64> {
    let counter = event_counter::Entity::find_by_id(organization).one(db).await?;
    Ok(counter.map_or(0, |row| row.position))
}

/// The next events after a position, oldest first, at most a page. `CURSOR_TOO_OLD` when retention cut some away.
pub async fn read_after(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    after: i64,
) -> Result<Vec<Event>> {
    let mut rows = page(db, organization, after).await?;
    if rows.is_empty() {
        if last_position(db, organization).await? <= after {
            return Ok(Vec::new());
        }
        // Either they were cut away, or they were committed between the two reads; a third one tells.
        rows = page(db, organization, after).await?;
    }
    if rows.first().is_none_or(|row| row.position > after + 1) {
        return Err(Error::new(
            ErrorCode::CursorTooOld,
            "The event log no longer reaches back to this cursor. Read the current state, then subscribe without `after`.",
        ));
    }
    Ok(rows.into_iter().map(Event::from).collect())
}

/// The position before the oldest surviving event after `after`; the last position when none survives.
pub async fn before_oldest(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    after: i64,
) -> Result<i64> {
    let oldest = event::Entity::in_org(organization)
        .filter(event::Column::Position.gt(after))
        .order_by_asc(event::Column::Position)
        .one(db)
        .await?;
    match oldest {
        Some(row) => Ok(row.position - 1),
        None => last_position(db, organization).await,
    }
}

async fn page(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    after: i64,
) -> Result<Vec<event::Model>> {
    let rows = event::Entity::in_org(organization).filter(event::Column::Position.gt(after));
    Ok(rows.order_by_asc(event::Column::Position).limit(PAGE).all(db).await?)
}

/// Events that one statement removes.
pub const BATCH: u64 = 1_000;

/// Removes the organisation's oldest events, as far as they were committed before a time and every durable reader has read
/// them, a batch at most; gives how many. Its counter stays, so cursors before them are told.
pub async fn forget_before(
    hub: &Hub,
    tx: &impl ConnectionTrait,
    organization: OrganizationId,
    time: DateTime<Utc>,
) -> Result<u64> {
    let statement = hub.db.sql(
        "DELETE FROM events WHERE organization_id = $1 AND position IN (SELECT position FROM \
         (SELECT position, created_at FROM events WHERE organization_id = $1 ORDER BY position LIMIT $2) AS oldest \
         WHERE created_at < $3 AND NOT EXISTS (SELECT 1 FROM event_readers WHERE event_readers.organization_id = $1 \
         AND event_readers.position < oldest.position))",
        [organization.into(), i64::try_from(BATCH).unwrap_or(i64::MAX).into(), time.into()],
    );
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Changes what the log says of a subject, for what must not be told again; the places of events stay.
pub async fn rewrite(
    tx: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: &str,
    change: impl Fn(&mut serde_json::Value),
) -> Result<()> {
    let told = event::Entity::in_org(organization).filter(event::Column::Subject.eq(subject)).all(tx).await?;
    for row in told {
        let mut data = row.data.clone();
        change(&mut data);
        if data != row.data {
            let mut row = row.into_active_model();
            row.data = Set(data);
            row.update(tx).await?;
        }
    }
    Ok(())
}

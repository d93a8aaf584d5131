//! The two lanes of an endpoint: first attempts in order of position, and retries beside them, so that what fails does
//! not hold up what follows. Keeps what is under way; calls nobody.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use entity::{
    enums::WebhookDeliveryStatus,
    ids::{WebhookDeliveryId, WebhookEndpointId},
    webhook_delivery,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::base::{ctx::Ctx, error::Result};

/// Rows read at once.
const PAGE: u64 = 100;
/// First attempts under way at the same time.
const FIRST: usize = 16;
/// Retries under way at the same time.
const RETRIES: usize = 4;
/// How long the first attempt of one event may hold up that of the next one: the order of starts is then still the
/// order of arrivals, while an endpoint that hangs takes in events at this pace.
const GAP: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    First,
    Retry,
}

/// What waits for its turn and what is under way.
#[derive(Debug, Default)]
pub struct Lanes {
    first: VecDeque<webhook_delivery::Model>,
    retries: VecDeque<webhook_delivery::Model>,
    under_way: HashMap<WebhookDeliveryId, Lane>,
    /// The first attempt that was started last, while it is unanswered.
    newest: Option<(WebhookDeliveryId, Instant)>,
}

impl Lanes {
    /// Whether the lane of first attempts has run empty, so that more should be read or planned.
    pub fn wants_more(&self) -> bool {
        self.first.is_empty()
    }

    /// Reads first attempts that are planned already.
    pub async fn read_first(&mut self, ctx: &Ctx, endpoint: WebhookEndpointId) -> Result<()> {
        let rows = open(endpoint, WebhookDeliveryStatus::Pending)
            .order_by_asc(webhook_delivery::Column::Position)
            .limit(PAGE + FIRST as u64)
            .all(ctx.db())
            .await?;
        self.first = rows.into_iter().filter(|row| !self.under_way.contains_key(&row.id)).collect();
        Ok(())
    }

    /// Reads retries whose time has come.
    pub async fn read_retries(&mut self, ctx: &Ctx, endpoint: WebhookEndpointId) -> Result<()> {
        if !self.retries.is_empty() || self.busy(Lane::Retry) >= RETRIES {
            return Ok(());
        }
        let rows = open(endpoint, WebhookDeliveryStatus::Retrying)
            .filter(webhook_delivery::Column::NextAttemptAt.lte(ctx.now()))
            .order_by_asc(webhook_delivery::Column::NextAttemptAt)
            .limit((2 * RETRIES) as u64)
            .all(ctx.db())
            .await?;
        self.retries = rows.into_iter().filter(|row| !self.under_way.contains_key(&row.id)).collect();
        Ok(())
    }

    /// The next delivery whose turn it is, counted as under way from now on.
    pub fn start_next(&mut self) -> Option<webhook_delivery::Model> {
        let lane = if self.first_may_start() {
            Lane::First
        } else if self.busy(Lane::Retry) < RETRIES {
            Lane::Retry
        } else {
            return None;
        };
        let next = match lane {
            Lane::First => self.first.pop_front()?,
            Lane::Retry => self.retries.pop_front()?,
        };
        self.under_way.insert(next.id, lane);
        if lane == Lane::First {
            self.newest = Some((next.id, Instant::now()));
        }
        Some(next)
    }

    /// An attempt is over and recorded.
    pub fn ended(&mut self, id: WebhookDeliveryId) {
        self.under_way.remove(&id);
    }

    /// An attempt was answered, though not recorded yet: the next one need not wait for it.
    pub fn answered(&mut self, id: WebhookDeliveryId) {
        if self.newest.is_some_and(|(newest, _)| newest == id) {
            self.newest = None;
        }
    }

    /// When the next first attempt may start though the one before it is unanswered; `None` when that changes nothing.
    pub fn gap_ends(&self) -> Option<Instant> {
        let (_, started) =
            self.newest.filter(|_| !self.first.is_empty() && self.busy(Lane::First) < FIRST)?;
        Some(started + GAP)
    }

    fn first_may_start(&self) -> bool {
        !self.first.is_empty()
            && self.busy(Lane::First) < FIRST
            && self.newest.is_none_or(|(_, started)| started.elapsed() >= GAP)
    }

    fn busy(&self, lane: Lane) -> usize {
        self.under_way.values().filter(|other| **other == lane).count()
    }
}

fn open(
    endpoint: WebhookEndpointId,
    status: WebhookDeliveryStatus,
) -> sea_orm::Select<webhook_delivery::Entity> {
    webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::EndpointId.eq(endpoint))
        .filter(webhook_delivery::Column::Status.eq(status))
}

/// The time of the endpoint's next retry.
pub async fn next_retry(
    db: &impl sea_orm::ConnectionTrait,
    endpoint: WebhookEndpointId,
) -> Result<Option<DateTime<Utc>>> {
    let next = open(endpoint, WebhookDeliveryStatus::Retrying)
        .order_by_asc(webhook_delivery::Column::NextAttemptAt)
        .one(db)
        .await?;
    Ok(next.and_then(|row| row.next_attempt_at))
}

/// Whether a first attempt is still to be made.
pub async fn any_first(db: &impl sea_orm::ConnectionTrait, endpoint: WebhookEndpointId) -> Result<bool> {
    Ok(open(endpoint, WebhookDeliveryStatus::Pending).one(db).await?.is_some())
}

#[cfg(test)]
mod tests {
    use entity::ids::OrganizationId;

    use super::*;

    fn delivery(position: i64) -> webhook_delivery::Model {
        webhook_delivery::Model {
            id: WebhookDeliveryId::new(),
            organization_id: OrganizationId::new(),
            endpoint_id: WebhookEndpointId::new(),
            position,
            kind: "message.received".into(),
            body: "{}".into(),
            status: WebhookDeliveryStatus::Pending,
            tries: 0,
            attempts: 0,
            next_attempt_at: None,
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
        }
    }

    fn lanes(first: i64, retries: i64) -> Lanes {
        Lanes {
            first: (1..=first).map(delivery).collect(),
            retries: (101..=100 + retries).map(delivery).collect(),
            ..Lanes::default()
        }
    }

    fn started(lanes: &mut Lanes) -> Vec<i64> {
        std::iter::from_fn(|| lanes.start_next()).map(|row| row.position).collect()
    }

    #[test]
    fn the_next_event_waits_for_the_answer_to_the_one_before() {
        let mut lanes = lanes(3, 0);
        let first = lanes.start_next().unwrap();
        assert_eq!(first.position, 1);
        assert!(lanes.start_next().is_none() && lanes.gap_ends().is_some());
        lanes.answered(first.id);
        assert_eq!(lanes.start_next().unwrap().position, 2);
    }

    #[test]
    fn an_event_that_hangs_holds_the_next_one_up_for_a_gap_only() {
        let mut lanes = lanes(3, 0);
        lanes.start_next().unwrap();
        let (id, at) = lanes.newest.unwrap();
        lanes.newest = at.checked_sub(GAP).map(|at| (id, at));
        assert_eq!(lanes.start_next().unwrap().position, 2);
        assert!(lanes.start_next().is_none(), "the second one is unanswered now");
    }

    #[test]
    fn so_many_first_attempts_hang_at_most_and_retries_have_slots_of_their_own() {
        let mut lanes = lanes(40, 40);
        for _ in 0..2 * FIRST {
            lanes.newest = None;
            started(&mut lanes);
        }
        assert_eq!(lanes.busy(Lane::First), FIRST);
        assert_eq!(lanes.busy(Lane::Retry), RETRIES);
        assert!(lanes.gap_ends().is_none(), "no gap makes room for another one");
    }
}

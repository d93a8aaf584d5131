//! The ledgers of clients, database, carrier and subscribers side by side. All differences must be 0.

use std::{collections::BTreeMap, time::Duration};

use entity::{
    enums::{Direction, MessageStatus, TimelineKind},
    job, message, timeline_entry,
};
use phonehub::base::events;
use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use serde_json::Value;

use super::{
    fleet::Fleet,
    follower::{Follower, Sighting},
    load::Told,
    patience::eventually,
};

/// Everything after all is over.
pub struct Ledger {
    pub told: Told,
    /// Outbound messages by text.
    rows: BTreeMap<String, Vec<message::Model>>,
    /// What the carrier took by text.
    taken: BTreeMap<String, Vec<Value>>,
    /// The last position of the log.
    last: i64,
}

impl Ledger {
    /// Waits until every message has come to its end and every subscriber to the end of the log.
    pub async fn close(fleet: &Fleet, told: Told, followers: &mut [Follower]) -> Self {
        eventually("no hand-over is left to do", async || (work(fleet).await == 0).then_some(())).await;
        eventually("every message is final", async || (open(fleet).await == 0).then_some(())).await;
        let last = events::last_position(fleet.hub.db.read(), fleet.organization.id).await.unwrap();
        for follower in followers {
            follower.reached(last).await;
        }
        let (mut rows, mut taken) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for row in outbound().all(fleet.hub.db.read()).await.unwrap() {
            rows.entry(row.body.clone()).or_default().push(row);
        }
        for message in fleet.taken().await {
            taken.entry(message["body"].as_str().unwrap().to_owned()).or_default().push(message);
        }
        Self { told, rows, taken, last }
    }

    /// Each message that a client was told of is one row, and each row was told of.
    pub fn assert_told(&self) {
        let told: BTreeMap<_, Vec<_>> =
            self.told.accepted.iter().map(|(body, ids)| (body, ids.iter().cloned().collect())).collect();
        let rows: BTreeMap<_, Vec<_>> = self
            .rows
            .iter()
            .map(|(body, rows)| (body, rows.iter().map(|row| row.id.to_string()).collect()))
            .collect();
        let unequal = |body: &&&String| told.get(*body) != rows.get(*body);
        let differences: Vec<_> = told.keys().chain(rows.keys()).filter(unequal).collect();
        assert!(differences.is_empty(), "clients and database differ: {differences:?}");
        assert!(told.values().all(|ids: &Vec<String>| ids.len() == 1), "a key stands for two messages");
    }

    /// The carrier took every delivered message once, and none twice; answers how many it was not given, all of them
    /// reported as UNKNOWN.
    pub fn assert_sent_once(&self) -> usize {
        let strangers: Vec<_> = self.taken.keys().filter(|body| !self.rows.contains_key(*body)).collect();
        assert!(strangers.is_empty(), "the carrier has what nobody sent: {strangers:?}");
        let mut unknown = 0;
        for (body, rows) in &self.rows {
            let (row, copies) = (&rows[0], self.taken.get(body).map_or(0, Vec::len));
            let expected = usize::from(row.status == MessageStatus::Delivered);
            assert_eq!(
                copies, expected,
                "copies of a message that is {:?} at the end: {}",
                row.status, row.id
            );
            assert!(
                matches!(row.status, MessageStatus::Delivered | MessageStatus::Unknown),
                "{:?}",
                row.status
            );
            unknown += 1 - expected;
        }
        unknown
    }

    /// Each subscriber saw every position of the log once and in order, and of each message rising statuses that end
    /// with the one that it has.
    pub fn assert_seen(&self, follower: &Follower) {
        let seen = follower.seen();
        let first = seen[0].position;
        let positions: Vec<i64> = seen.iter().map(|sighting| sighting.position).collect();
        let expected: Vec<i64> = (first..=self.last).collect();
        if positions != expected {
            let at = positions.iter().zip(&expected).position(|(seen, wanted)| seen != wanted);
            panic!(
                "a subscriber saw {} of {} positions; first difference at {at:?}",
                seen.len(),
                expected.len()
            );
        }
        let statuses = statuses(&seen);
        for row in self.rows.values().flatten() {
            let Some(seen) = statuses.get(row.id.to_string().as_str()) else {
                panic!("a subscriber did not hear of {}", row.id);
            };
            assert_eq!(seen.last(), Some(&row.status), "the last word on {}", row.id);
            assert!(seen.is_sorted_by(|a, b| a.rank() < b.rank()), "{}: {seen:?}", row.id);
        }
    }

    /// Hand-overs of which nobody knew, for a while, whether the carrier had taken them.
    pub async fn doubts(fleet: &Fleet) -> u64 {
        let doubts = timeline_entry::Column::Kind.eq(TimelineKind::InDoubt);
        timeline_entry::Entity::find().filter(doubts).count(fleet.hub.db.read()).await.unwrap()
    }

    /// How long after a call's answer its event reached the subscriber, at worst.
    pub fn latest(&self, follower: &Follower) -> Duration {
        let mut first = BTreeMap::new();
        for sighting in follower.seen() {
            if let Some((id, _)) = sighting.message {
                first.entry(id).or_insert(sighting.at);
            }
        }
        let delays = self.told.answered_at.iter().map(|(body, answered)| {
            let id = self.told.accepted[body].first().unwrap();
            first[id].saturating_duration_since(*answered)
        });
        delays.max().unwrap()
    }

    /// Texts that the database holds.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

fn statuses(seen: &[Sighting]) -> BTreeMap<&str, Vec<MessageStatus>> {
    let mut statuses = BTreeMap::<_, Vec<_>>::new();
    for (id, status) in seen.iter().filter_map(|sighting| sighting.message.as_ref()) {
        statuses.entry(id.as_str()).or_default().push(MessageStatus::try_from_value(status).unwrap());
    }
    statuses
}

fn outbound() -> sea_orm::Select<message::Entity> {
    message::Entity::find().filter(message::Column::Direction.eq(Direction::Outbound))
}

/// Messages that are to be handed over, or looked for at the carrier.
async fn work(fleet: &Fleet) -> u64 {
    let kinds = job::Column::Kind.is_in(["deliver", "reconcile"]);
    job::Entity::find().filter(kinds).count(fleet.hub.db.read()).await.unwrap()
}

async fn open(fleet: &Fleet) -> u64 {
    let closed = message::Column::Status.is_in([MessageStatus::Delivered, MessageStatus::Unknown]);
    outbound().filter(closed.not()).count(fleet.hub.db.read()).await.unwrap()
}

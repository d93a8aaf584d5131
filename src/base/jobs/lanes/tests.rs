use chrono::Duration as Span;
use entity::ids::OrganizationId;
use sea_orm::PaginatorTrait;
use serde_json::json;

use super::*;
use crate::base::{
    jobs::{NewJob, ONE_OFF, claim::claim, slots::Room},
    testing,
};

const BULK: i32 = 50;
const EVERYTHING: Room = Room { limit: 1000, background: 0, full: Vec::new() };

fn lane(gap: i64, next_at: i64) -> lane::Model {
    lane::Model { key: "AC/+1".into(), next_at, gap, waiting: true }
}

#[test]
fn late_slots_are_made_up_for_within_a_second() {
    let after = |ms: i64, gap_ms: i64, unclaimed: i64| {
        let (slots, next) = slots(ms * 1000, &lane(gap_ms * 1000, 1_000_000), unclaimed);
        (slots, next / 1000)
    };
    assert_eq!(after(1_000, 100, 0), (1, 1_100), "in time");
    assert_eq!(after(1_250, 100, 0), (3, 1_300), "a little late");
    assert_eq!(after(9_000, 100, 0), (10, 9_100), "after a pause");
    assert_eq!(after(9_000, 1_000, 0), (1, 10_000), "the slowest pace");
    assert_eq!(after(9_000, 0, 99), (UNPACED, 9_000), "no pace any more");
    assert_eq!(after(1_250, 100, 8), (2, 1_350), "late ones wait for a worker already");
    assert_eq!(after(9_000, 100, 12), (0, 9_100), "more than those of a second wait");
}

#[test]
fn a_pace_is_never_exceeded_by_rounding() {
    for (pace, gap) in [(0, 0), (1, 1_000_000), (3, 333_334), (400, 2_500), (2_000_000, 1)] {
        assert_eq!(Lane::new("AC/+1".into(), pace).gap, gap, "{pace}");
    }
}

/// A lane with one slot in each hour, by a clock that the tests move.
struct Line {
    hub: Arc<Hub>,
    organization: OrganizationId,
    lane: Lane,
    _folder: testing::Folder,
}

impl Line {
    async fn new() -> Self {
        let (hub, folder) = testing::hub().await;
        let lane = Lane { key: "AC/+1".into(), gap: 3_600_000_000 };
        Self { hub, organization: OrganizationId::new(), lane, _folder: folder }
    }

    async fn enqueue(&self, subjects: impl IntoIterator<Item = String>, priority: i32) {
        let now = self.hub.clock.now();
        let tx = Tx::begin(&self.hub).await.unwrap();
        let jobs = subjects.into_iter().map(|subject| NewJob {
            organization_id: self.organization,
            kind: "paced",
            subject,
            payload: json!({}),
            priority,
            run_at: now,
        });
        tx.enqueue_all(jobs, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn claim(&self) -> Vec<Lease> {
        claim(&self.hub, &EVERYTHING).await.unwrap()
    }

    async fn take_turn(&self, lease: &Lease) -> bool {
        let ctx = Ctx::system(self.hub.clone(), self.organization);
        lease.take_turn(&ctx, &self.lane).await.unwrap()
    }

    /// Lets the next slot come; whose it is.
    async fn next(&self) -> Vec<Lease> {
        self.hub.clock.advance(Span::hours(1));
        give_turns(&self.hub).await.unwrap();
        let claimed = self.claim().await;
        assert!(claimed.iter().all(Lease::has_turn));
        claimed
    }

    async fn finish(&self, lease: &Lease) {
        let tx = Tx::begin(&self.hub).await.unwrap();
        lease.finish(&tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn is_open(&self) -> bool {
        lane::Entity::find_by_id(&self.lane.key).one(self.hub.db.read()).await.unwrap().unwrap().waiting
    }
}

#[tokio::test]
async fn the_slot_is_the_lanes_and_the_most_urgent_gets_it() {
    let line = Line::new().await;
    line.enqueue((0..20).map(|n| format!("bulk {n:02}")), BULK).await;
    let claimed = line.claim().await;
    assert_eq!(claimed.len(), 20);
    for (n, lease) in claimed.iter().enumerate() {
        assert_eq!(line.take_turn(lease).await, n == 0, "only the first slot is free");
    }
    assert!(line.claim().await.is_empty(), "who waits is not claimed");
    let next = line.next().await;
    assert_eq!(next.iter().map(|lease| &lease.job.subject).collect::<Vec<_>>(), ["bulk 01"]);
    line.enqueue(["urgent".to_owned()], ONE_OFF).await;
    assert!(!line.take_turn(&line.claim().await[0]).await, "it waits for the slot like everybody");
    let mut order = Vec::new();
    for _ in 0..19 {
        let next = line.next().await;
        let [lease] = next.as_slice() else { panic!("{} at one slot", next.len()) };
        order.push(lease.job.subject.clone());
        assert_eq!((lease.job.tries, lease.job.lease_token), (1, 3), "one claim to join, one to go");
    }
    let expected = ["urgent".to_owned()].into_iter().chain((2..20).map(|n| format!("bulk {n:02}")));
    assert_eq!(order, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn who_leaves_the_line_leaves_no_hole_and_an_empty_line_is_closed() {
    let line = Line::new().await;
    line.enqueue((0..5).map(|n| format!("bulk {n}")), BULK).await;
    for lease in line.claim().await {
        if line.take_turn(&lease).await {
            line.finish(&lease).await;
        }
    }
    let gone = line.hub.db.sql("DELETE FROM jobs WHERE subject IN ('bulk 1', 'bulk 2', 'bulk 3')", []);
    let tx = Tx::begin(&line.hub).await.unwrap();
    tx.execute_raw(gone).await.unwrap();
    tx.commit().await.unwrap();
    let next = line.next().await;
    assert_eq!(next[0].job.subject, "bulk 4");
    line.finish(&next[0]).await;
    assert!(line.is_open().await, "nobody knows yet");
    assert!(line.next().await.is_empty());
    assert!(!line.is_open().await);
    assert_eq!(job::Entity::find().count(line.hub.db.read()).await.unwrap(), 0);
    line.hub.clock.advance(Span::hours(1));
    line.enqueue(["late".to_owned()], BULK).await;
    assert!(line.take_turn(&line.claim().await[0]).await, "the slot is free");
}

#[tokio::test]
async fn a_new_pace_holds_for_those_that_wait() {
    let line = Line::new().await;
    line.enqueue((0..5).map(|n| format!("bulk {n}")), BULK).await;
    for lease in line.claim().await {
        line.take_turn(&lease).await;
    }
    let ctx = Ctx::system(line.hub.clone(), line.organization);
    Lane { gap: 0, ..line.lane.clone() }.keep_pace(&ctx).await.unwrap();
    assert_eq!(line.next().await.len(), 4);
}

#[tokio::test]
async fn turns_that_no_worker_takes_up_do_not_pile_up() {
    let line = Line::new().await;
    line.enqueue((0..30).map(|n| format!("bulk {n:02}")), BULK).await;
    for lease in line.claim().await {
        line.take_turn(&lease).await;
    }
    for _ in 0..20 {
        line.hub.clock.advance(Span::hours(1));
        give_turns(&line.hub).await.unwrap();
    }
    assert_eq!(line.claim().await.len(), 1, "older slots are lost");
    assert_eq!(line.next().await.len(), 1, "the pace goes on");
}

#[tokio::test]
async fn nobody_gets_a_turn_while_sending_is_paused() {
    let line = Line::new().await;
    line.enqueue((0..2).map(|n| format!("bulk {n}")), BULK).await;
    for lease in line.claim().await {
        line.take_turn(&lease).await;
    }
    for paused in [true, false] {
        let tx = Tx::begin(&line.hub).await.unwrap();
        switches::set_sending_paused(&tx, paused).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(line.next().await.len(), usize::from(!paused));
    }
}

#[tokio::test]
async fn a_turn_outlives_the_worker_that_had_it_but_not_a_failure() {
    let line = Line::new().await;
    line.enqueue((0..3).map(|n| format!("bulk {n}")), BULK).await;
    for lease in line.claim().await {
        if line.take_turn(&lease).await {
            line.finish(&lease).await;
        }
    }
    assert_eq!(line.next().await.len(), 1);
    let tx = Tx::begin(&line.hub).await.unwrap();
    let lapse = line.hub.db.sql("UPDATE jobs SET leased_until = 0 WHERE NOT waiting", []);
    tx.execute_raw(lapse).await.unwrap();
    tx.commit().await.unwrap();
    let taken_over = line.claim().await;
    assert_eq!((taken_over.len(), taken_over[0].has_turn()), (1, true));
    let tx = Tx::begin(&line.hub).await.unwrap();
    taken_over[0].again(&tx, line.hub.clock.now(), json!({})).await.unwrap();
    tx.commit().await.unwrap();
    let again = line.claim().await;
    assert!(!again[0].has_turn(), "another try takes another slot");
    assert!(!line.take_turn(&again[0]).await);
    assert_eq!(line.next().await[0].job.subject, "bulk 2", "behind those that waited before");
    assert_eq!(line.next().await[0].job.subject, "bulk 1");
}

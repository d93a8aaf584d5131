//! Jobs that harm their worker, and who gets the slots. What the features' own jobs do is tested there and in `tests/`.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use entity::{ids::OrganizationId, job};
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    BACKGROUND, CHOSEN, Handler, Handlers, Lease, NewJob, ONE_OFF, Outcome, Worker,
    claim::claim,
    slots::{Room, Slot, Slots},
};
use crate::base::{
    ctx::{Ctx, Hub},
    error::{Error, Result},
    testing::{self, Folder},
    tx::Tx,
};

/// Does what its subject says.
struct Poison;

#[async_trait::async_trait]
impl Handler for Poison {
    fn kind(&self) -> &'static str {
        "poison"
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        match lease.job.subject.as_str() {
            "panic" => panic!("poison with a payload"),
            "hang" => std::future::pending().await,
            "again" => Ok(Outcome::At(ctx.now() + chrono::Duration::hours(1))),
            other => Err(Error::internal(format!("ran {other}"))),
        }
    }

    async fn died(&self, _: &Ctx, _: &Tx, lease: &Lease, reason: &str) -> Result<serde_json::Value> {
        Ok(json!({ "tries": lease.job.tries, "reason": reason }))
    }
}

fn new(
    organization_id: OrganizationId,
    subject: &str,
    priority: i32,
    run_at: chrono::DateTime<Utc>,
) -> NewJob {
    NewJob {
        organization_id,
        kind: "poison",
        subject: subject.to_owned(),
        payload: json!({}),
        priority,
        run_at,
    }
}

async fn enqueue(hub: &Arc<Hub>, jobs: Vec<NewJob>) {
    let tx = Tx::begin(hub).await.unwrap();
    tx.enqueue_all(jobs, hub.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A hub where the second failure is the last and leases are short, with one job due.
async fn hub_with_one(subject: &str) -> (Arc<Hub>, Folder) {
    let settings = [
        ("PHONEHUB_JOB_ATTEMPTS", "2"),
        ("PHONEHUB_JOB_LEASE", "2100ms"),
        ("PHONEHUB_CARRIER_TIMEOUT", "100ms"),
    ];
    let (hub, folder) = testing::hub_with(&settings).await;
    enqueue(&hub, vec![new(OrganizationId::new(), subject, ONE_OFF, hub.clock.now())]).await;
    (hub, folder)
}

async fn only(hub: &Hub) -> job::Model {
    job::Entity::find().one(hub.db.read()).await.unwrap().unwrap()
}

/// Works, with the clock moved past every pause, until the only job is as wished.
async fn work_until(hub: &Arc<Hub>, wished: impl Fn(&job::Model) -> bool) -> job::Model {
    let stop = CancellationToken::new();
    let worker = Worker::new(hub.clone(), Handlers::default().with(Poison), stop.clone());
    let working = tokio::spawn(worker.run());
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let job = only(hub).await;
            if wished(&job) {
                return job;
            }
            if job.leased_until.is_none() && job.run_at > hub.clock.now() {
                hub.clock.advance(chrono::Duration::seconds(5));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let found = found.await.expect("in time");
    stop.cancel();
    working.await.unwrap();
    found
}

#[tokio::test]
async fn a_job_that_panics_dies_after_its_tries() {
    let (hub, _folder) = hub_with_one("panic").await;
    let job = work_until(&hub, |job| job.dead_at.is_some()).await;
    assert_eq!((job.tries, job.lease_token), (2, 3));
    let error = job.last_error.clone().unwrap();
    assert!(error.starts_with("A run of poison panicked at src/base/jobs/tests.rs:"), "{error}");
    assert!(!error.contains("payload"), "the panic's own words stay unsaid: {error}");
    assert_eq!(job.payload, json!({ "tries": 2, "reason": job.last_error }), "its handler was told");
}

#[tokio::test]
async fn a_job_that_hangs_dies_after_its_tries() {
    let (hub, _folder) = hub_with_one("hang").await;
    let job = work_until(&hub, |job| job.dead_at.is_some()).await;
    assert_eq!((job.tries, job.lease_token), (2, 3));
    assert!(job.last_error.is_some());
}

#[tokio::test]
async fn a_job_whose_process_always_stopped_dies_unrun() {
    let (hub, _folder) = hub_with_one("kill").await;
    let everything = Room { limit: 8, background: 0, full: Vec::new() };
    for _ in 0..2 {
        assert_eq!(claim(&hub, &everything).await.unwrap().len(), 1);
        let lapse = hub.db.sql("UPDATE jobs SET leased_until = 0", []);
        hub.db.write().execute_raw(lapse).await.unwrap();
    }
    let job = work_until(&hub, |job| job.dead_at.is_some()).await;
    assert_eq!(job.tries, 2);
    assert_eq!(job.payload["reason"], json!(job.last_error));
    assert!(job.last_error.unwrap().starts_with("no run of it ended"));
}

#[tokio::test]
async fn to_run_again_is_not_a_failure() {
    let (hub, _folder) = hub_with_one("again").await;
    let job = work_until(&hub, |job| job.lease_token == 2 && job.leased_until.is_none()).await;
    assert_eq!((job.tries, job.dead_at), (0, None));
}

#[tokio::test]
async fn a_backlog_leaves_the_background_its_slots() {
    let (hub, _folder) = testing::hub().await;
    let (id, now) = (OrganizationId::new(), hub.clock.now());
    let mut jobs: Vec<NewJob> = (0..20)
        .map(|n| new(id, &format!("send {n}"), ONE_OFF, now - chrono::Duration::seconds(60 - n)))
        .collect();
    jobs.extend((0..3).map(|n| new(id, &format!("poll {n}"), BACKGROUND, now)));
    enqueue(&hub, jobs).await;
    let claimed = claim(&hub, &Room { limit: 8, background: 1, full: Vec::new() }).await.unwrap();
    let subjects: Vec<&str> = claimed.iter().map(|lease| lease.job.subject.as_str()).collect();
    let sends: Vec<String> = (0..7).map(|n| format!("send {n}")).collect();
    assert_eq!(subjects[..7], sends);
    assert!(subjects[7].starts_with("poll"), "{subjects:?}");
    let rest = claim(&hub, &Room { limit: 32, background: 4, full: Vec::new() }).await.unwrap();
    assert_eq!(rest.len(), 15, "each of the others once");
}

#[tokio::test]
async fn no_priority_that_a_client_chooses_takes_the_slots_of_the_background() {
    let (hub, _folder) = testing::hub().await;
    let (id, now) = (OrganizationId::new(), hub.clock.now());
    let before = now - chrono::Duration::seconds(60);
    let mut jobs: Vec<NewJob> =
        CHOSEN.map(|priority| new(id, &format!("send {priority}"), priority, before)).collect();
    jobs.push(new(id, "poll", BACKGROUND, now));
    enqueue(&hub, jobs).await;
    let claimed = claim(&hub, &Room { limit: 8, background: 1, full: Vec::new() }).await.unwrap();
    let polls = claimed.iter().filter(|lease| lease.job.subject == "poll").count();
    assert_eq!((claimed.len(), polls), (8, 1));
}

#[tokio::test]
async fn who_holds_the_share_gets_no_more_while_others_get_their_first() {
    let (hub, _folder) = testing::hub().await;
    let (hog, others, now) =
        (OrganizationId::new(), [OrganizationId::new(), OrganizationId::new()], hub.clock.now());
    let mut jobs: Vec<NewJob> = (0..20).map(|n| new(hog, &format!("hog {n}"), ONE_OFF, now)).collect();
    for (n, id) in others.iter().enumerate() {
        jobs.extend((0..2).map(|m| new(*id, &format!("other {n} {m}"), BACKGROUND, now)));
    }
    enqueue(&hub, jobs).await;
    let room = Room { limit: 8, background: 1, full: vec![hog] };
    for _ in 0..2 {
        let claimed = claim(&hub, &room).await.unwrap();
        let mut owners: Vec<_> = claimed.iter().map(|lease| lease.job.organization_id).collect();
        owners.sort();
        let mut expected = others.to_vec();
        expected.sort();
        assert_eq!(owners, expected);
    }
    assert!(claim(&hub, &room).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_gets_all_slots() {
    let (hub, _folder) = hub_with_one("any").await;
    let job = only(&hub).await;
    let slots = Slots::new(32);
    assert_eq!(slots.room(), Some(Room { limit: 24, background: 4, full: Vec::new() }));
    let mut held: Vec<_> = (0..24).map(|_| slots.take(&job)).collect();
    let full = Room { limit: 8, background: 4, full: vec![job.organization_id] };
    assert_eq!(slots.room(), Some(full));
    let background =
        job::Model { organization_id: OrganizationId::new(), priority: BACKGROUND, ..job.clone() };
    held.extend((0..8).map(|_| slots.take(&background)));
    assert_eq!(slots.room(), None);
    held.clear();
    assert_eq!(slots.room(), Some(Room { limit: 24, background: 4, full: Vec::new() }));
    let alone = Slots::new(1);
    assert_eq!(alone.room(), Some(Room { limit: 1, background: 0, full: Vec::new() }));
}

#[tokio::test]
async fn long_runs_hold_up_nobody_else() {
    let (hub, _folder) = hub_with_one("any").await;
    let job = only(&hub).await;
    let slots = Slots::new(2);
    let mut running = Vec::new();
    let of_others = || job::Model { organization_id: OrganizationId::new(), ..job.clone() };
    for round in 0..4 {
        let mut long: Vec<_> = (0..2).map(|_| slots.take(&of_others())).collect();
        assert_eq!(slots.room(), None, "round {round}");
        long.iter_mut().for_each(Slot::release);
        slots.released().await;
        assert!(slots.room().is_some());
        running.extend(long);
    }
    let mut last: Vec<_> = (0..2).map(|_| slots.take(&of_others())).collect();
    last.iter_mut().for_each(Slot::release);
    assert_eq!(slots.room(), None, "eight run without a slot already");
    drop((last, running));
    assert_eq!(slots.room().map(|room| room.limit), Some(1));
}

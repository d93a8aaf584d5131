use std::time::Duration;

use entity::{attempt as attempts, ids::OrganizationId, job, message};
use sea_orm::{ConnectionTrait, EntityTrait};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    base::jobs::{Handlers, Worker},
    features::messages::{
        deliver::Deliver,
        reconcile::{self, Reconcile},
        testing::{Stage, THEIRS},
    },
};

/// Lets the only job of a kind look as if the process had stopped in each of its runs, and works until that is noticed.
async fn die(stage: &Stage, of: OrganizationId, kind: &str) -> job::Model {
    let tx = Tx::begin(&stage.hub).await.unwrap();
    let sql = "UPDATE jobs SET tries = 10, leased_until = 0, run_at = $1 WHERE kind = $2";
    let spent = stage.hub.db.sql(sql, [stage.hub.clock.now().into(), kind.into()]);
    assert_eq!(tx.execute_raw(spent).await.unwrap().rows_affected(), 1);
    tx.commit().await.unwrap();
    let is_it = |job: &job::Model| job.kind == kind && job.dead_at.is_some();
    work_until(stage, async || stage.rows::<job::Entity>(of).await.into_iter().find(is_it)).await
}

async fn work_until<T>(stage: &Stage, wished: impl AsyncFn() -> Option<T>) -> T {
    let stop = CancellationToken::new();
    let handlers = Handlers::default().with(Deliver).with(Reconcile);
    let working = tokio::spawn(Worker::new(stage.hub.clone(), handlers, stop.clone()).run());
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Some(found) = wished().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let found = found.await.expect("in time");
    stop.cancel();
    working.await.unwrap();
    found
}

async fn states(stage: &Stage, of: OrganizationId) -> Vec<AttemptState> {
    stage.rows::<attempts::Entity>(of).await.iter().map(|attempt| attempt.state).collect()
}

async fn redrive(stage: &Stage, job: &job::Model) {
    let tx = Tx::begin(&stage.hub).await.unwrap();
    tx.redrive(job.organization_id, job.id, stage.hub.clock.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_call_that_may_have_reached_the_carrier_is_in_doubt_and_redriving_sends_nothing() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let (message, _) = stage.sending(acme, THEIRS).await;
    let dead = die(&stage, acme, deliver::KIND).await;
    assert_eq!(states(&stage, acme).await, [AttemptState::InDoubt]);
    assert_eq!(stage.message(message.id).await.status, MessageStatus::Sending);
    redrive(&stage, &dead).await;
    let gone = async || job::Entity::find_by_id(dead.id).one(stage.hub.db.read()).await.unwrap().is_none();
    work_until(&stage, async || gone().await.then_some(())).await;
    assert_eq!(states(&stage, acme).await, [AttemptState::InDoubt]);

    die(&stage, acme, reconcile::KIND).await;
    let unknown: message::Model = stage.message(message.id).await;
    assert_eq!(unknown.status, MessageStatus::Unknown, "nobody looks for evidence any more");
}

#[tokio::test]
async fn a_message_that_is_final_takes_no_notice() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let (message, _) = stage.sending(acme, THEIRS).await;
    let ctx = stage.ctx(acme);
    let tx = ctx.begin().await.unwrap();
    let change = Change { status: Some(MessageStatus::Delivered), ..Change::default() };
    status::apply(&ctx, &tx, message.clone(), change).await.unwrap();
    tx.commit().await.unwrap();
    die(&stage, acme, deliver::KIND).await;
    assert_eq!(stage.message(message.id).await.status, MessageStatus::Delivered);
    assert_eq!(states(&stage, acme).await, [AttemptState::Started]);
}

use async_graphql::MaybeUndefined;
use entity::{
    enums::{MessageStatus, TimelineKind},
    event, idempotency_key, job, message, receipt, timeline_entry, tombstone,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set, TransactionTrait};

use super::*;
use crate::{
    base::{forget::BATCH, testing::Statements, tx::Tx},
    carriers::messaging::RemoteStatus,
    features::{
        messages::{
            attempt::{self, Evidence, Source},
            poll,
            testing::{Stage, THEIRS},
            timeline,
        },
        organizations::retention::{self, SetRetentionInput},
    },
};

async fn accepted(stage: &Stage, of: entity::ids::OrganizationId, sid: &str) -> entity::ids::MessageId {
    let (message, attempt) = stage.sending(of, THEIRS).await;
    let ctx = stage.ctx(of);
    let tx = ctx.begin().await.unwrap();
    let evidence = Evidence {
        carrier_message_id: sid.to_owned(),
        status: RemoteStatus::Sent,
        error: None,
        segments: None,
        source: Source::Answer,
    };
    attempt::accepted(&ctx, &tx, attempt, evidence).await.unwrap();
    tx.commit().await.unwrap();
    message.id
}

async fn forget_polls(stage: &Stage) {
    use sea_orm::{ColumnTrait, QueryFilter};
    let tx = Tx::begin(&stage.hub).await.unwrap();
    job::Entity::delete_many().filter(job::Column::Kind.eq(poll::KIND)).exec(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn polled(stage: &Stage, of: entity::ids::OrganizationId) -> Vec<String> {
    let jobs = stage.rows::<job::Entity>(of).await;
    jobs.into_iter().filter(|job| job.kind == poll::KIND).map(|job| job.subject).collect()
}

#[tokio::test]
async fn hanging_messages_are_asked_for_and_others_left_alone() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let hanging = accepted(&stage, acme, "SM1").await;
    forget_polls(&stage).await;
    let watched = accepted(&stage, acme, "SM2").await;
    let (in_doubt, _) = stage.sending(acme, THEIRS).await;

    let mut sweeper = Sweeper::new(stage.hub.clone());
    sweeper.sweep().await.unwrap();
    assert_eq!(polled(&stage, acme).await, [watched.to_string()], "too early");
    stage.hub.clock.advance(chrono::Duration::minutes(6));
    let before = stage.rows::<job::Entity>(acme).await;
    sweeper.sweep().await.unwrap();
    let subjects = polled(&stage, acme).await;
    assert_eq!(subjects.len(), 2);
    assert!(subjects.contains(&hanging.to_string()) && !subjects.contains(&in_doubt.id.to_string()));
    let after = stage.rows::<job::Entity>(acme).await;
    assert!(before.iter().all(|job| after.contains(job)), "a planned question stays as it is");
}

#[tokio::test]
async fn receipts_that_missed_their_message_find_it() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let id = accepted(&stage, acme, "SM1").await;
    let message = stage.message(id).await;
    let missed = receipt::ActiveModel {
        id: Set(entity::ids::ReceiptId::new()),
        organization_id: Set(acme),
        account: Set(message.account.clone()),
        carrier_message_id: Set("SM1".into()),
        attempt_id: Set(None),
        message_id: Set(None),
        carrier_status: Set("delivered".into()),
        error_code: Set(None),
        raw: Set(serde_json::json!({})),
        created_at: Set(stage.hub.clock.now()),
    };
    let stray = receipt::ActiveModel {
        id: Set(entity::ids::ReceiptId::new()),
        carrier_message_id: Set("SM9".into()),
        ..missed.clone()
    };
    let tx = Tx::begin(&stage.hub).await.unwrap();
    missed.insert(&*tx).await.unwrap();
    stray.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    Sweeper::new(stage.hub.clone()).sweep().await.unwrap();
    assert_eq!(stage.message(id).await.status, MessageStatus::Delivered);
    let parked = stage.rows::<receipt::Entity>(acme).await;
    let waiting: Vec<&str> = parked
        .iter()
        .filter(|row| row.message_id.is_none())
        .map(|row| row.carrier_message_id.as_str())
        .collect();
    assert_eq!(waiting, ["SM9"]);
}

#[tokio::test]
async fn rows_past_their_time_go() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    stage.sending(acme, THEIRS).await;
    assert!(!stage.rows::<idempotency_key::Entity>(acme).await.is_empty());
    let mut sweeper = Sweeper::new(stage.hub.clone());
    stage.hub.clock.advance(chrono::Duration::hours(47));
    sweeper.sweep().await.unwrap();
    assert!(!stage.rows::<idempotency_key::Entity>(acme).await.is_empty());
    stage.hub.clock.advance(chrono::Duration::hours(2));
    sweeper.sweep().await.unwrap();
    assert!(stage.rows::<idempotency_key::Entity>(acme).await.is_empty());
    assert!(!stage.rows::<event::Entity>(acme).await.is_empty());
    stage.hub.clock.advance(chrono::Duration::days(6));
    sweeper.sweep().await.unwrap();
    assert!(stage.rows::<event::Entity>(acme).await.is_empty());
}

#[tokio::test]
async fn many_hanging_messages_are_all_found() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let id = accepted(&stage, acme, "SM1").await;
    let one = stage.message(id).await;
    let tx = Tx::begin(&stage.hub).await.unwrap();
    for copy in 0..450 {
        let row = entity::message::Model {
            id: entity::ids::MessageId::new(),
            carrier_message_id: Some(format!("SMcopy{copy}")),
            ..one.clone()
        };
        row.into_active_model().reset_all().insert(&*tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    forget_polls(&stage).await;
    stage.hub.clock.advance(chrono::Duration::minutes(6));
    Sweeper::new(stage.hub.clone()).sweep().await.unwrap();
    assert_eq!(polled(&stage, acme).await.len(), 451, "all changed in the same instant");
}

/// Copies of a delivered message, each with an id of its own at the carrier; the timeline goes along.
async fn copies(stage: &Stage, of: &entity::message::Model, count: usize) {
    let tx = Tx::begin(&stage.hub).await.unwrap();
    for copy in 0..count {
        let id = entity::ids::MessageId::new();
        let row = entity::message::Model {
            id,
            status: MessageStatus::Delivered,
            carrier_message_id: Some(format!("SMcopy{copy}")),
            ..of.clone()
        };
        row.into_active_model().reset_all().insert(&*tx).await.unwrap();
        let ctx = stage.ctx(of.organization_id);
        let of = timeline::Of { organization_id: of.organization_id, message_id: id };
        timeline::add(&tx, of, ctx.now(), [(TimelineKind::Canceled, serde_json::json!({}))]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// However often it is cut off, and wherever: a message is there with its timeline, or it is gone and marked.
#[tokio::test]
async fn a_sweep_that_is_cut_off_anywhere_leaves_no_halves() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let (open, _) = stage.sending(acme, THEIRS).await;
    copies(&stage, &open, 700).await;
    let wish = SetRetentionInput { message_days: MaybeUndefined::Value(7), ..SetRetentionInput::default() };
    retention::set(&stage.ctx(acme), wish).await.unwrap();
    stage.hub.clock.advance(chrono::Duration::days(8));
    let (mut cut_off, mut left) = (0, 701);
    while left > 1 {
        let sweep = async { Sweeper::new(stage.hub.clone()).sweep().await };
        let time = Duration::from_millis(rand::random_range(1..40));
        cut_off += u32::from(tokio::time::timeout(time, sweep).await.is_err());
        // One snapshot: a commit that was under way may end after the cut.
        let snapshot = stage.hub.db.read().begin().await.unwrap();
        let messages = message::Entity::find().all(&snapshot).await.unwrap();
        let marks = tombstone::Entity::find().all(&snapshot).await.unwrap();
        let told = timeline_entry::Entity::find().all(&snapshot).await.unwrap();
        snapshot.rollback().await.unwrap();
        left = messages.len();
        assert_eq!(left + marks.len(), 701);
        let told: std::collections::HashSet<_> = told.into_iter().map(|row| row.message_id).collect();
        assert_eq!(told, messages.iter().map(|row| row.id).collect());
    }
    assert!(cut_off > 0, "it was never cut off");
    assert_eq!(stage.rows::<message::Entity>(acme).await[0].id, open.id, "it is on its way");
}

#[tokio::test]
async fn what_piled_up_goes_in_batches() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let old = stage.hub.clock.now() - chrono::Duration::days(8);
    let count = i64::try_from(BATCH).unwrap() * 2 + 1;
    let rows = (1..=count).map(|position| event::ActiveModel {
        organization_id: Set(acme),
        position: Set(position),
        kind: Set("test.noted".into()),
        subject: Set(String::new()),
        data: Set(serde_json::json!({})),
        created_at: Set(old),
    });
    let tx = Tx::begin(&stage.hub).await.unwrap();
    event::Entity::insert_many(rows).exec_without_returning(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    let statements = Statements::collect();
    Sweeper::new(stage.hub.clone()).sweep().await.unwrap();
    let deletions = statements.take().into_iter().filter(|sql| sql.starts_with("DELETE FROM events"));
    assert_eq!(deletions.count(), 3);
    assert!(stage.rows::<event::Entity>(acme).await.is_empty());
}

//! A backlog whose jobs all wait for the database: the API answers as if there were none, since it has connections of its
//! own.

use std::time::Duration;

use futures_util::future::join_all;
use phonehub::base::{purpose::Shares, switches, tx::Tx};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use serde_json::json;

use crate::harness::{Options, TestApp, eventually};

const CONNECTIONS: u32 = 5;
/// More than the jobs' connections, and more than all.
const WORKERS: usize = 32;
const BACKLOG: usize = 64;
const CALLS: usize = 40;

/// On SQLite readers never wait for the writer, which has a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_under_a_full_backlog() {
    let settings = vec![
        ("PHONEHUB_DATABASE_CONNECTIONS", CONNECTIONS.to_string()),
        ("PHONEHUB_WORKERS", WORKERS.to_string()),
        ("PHONEHUB_DATABASE_TIMEOUT", "1s".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    if !app.database.is_postgres() {
        return;
    }
    pause(&app, true).await;
    let waiting = (0..BACKLOG).map(|n| {
        let gql = app.gql();
        async move { gql.send(&format!("+1206555{:04}", 2000 + n), "Hello", &n.to_string()).await }
    });
    join_all(waiting).await;

    // Every hand-over ends in an event of its organisation, and so behind this lock.
    let outside = Database::connect(&app.database.url).await.unwrap();
    let lock = outside.begin().await.unwrap();
    lock.execute_unprepared("UPDATE event_counters SET position = position").await.unwrap();
    pause(&app, false).await;
    let work = i64::from(Shares::of(CONNECTIONS).work);
    eventually("jobs hold every connection that they may", async || {
        let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock'";
        let row = outside.query_one_raw(app.hub().db.sql(held, [])).await.unwrap().unwrap();
        let blocked: i64 = row.try_get_by_index(0).unwrap();
        assert!(blocked <= work, "{blocked} connections wait behind jobs");
        (blocked == work).then_some(())
    })
    .await;

    let query = "{ messages(first: 5) { nodes { id timeline { kind } } } conversations { nodes { id } } }";
    let answers = join_all((0..CALLS).map(|_| {
        let gql = app.gql();
        async move { gql.raw(query, json!({})).await }
    }))
    .await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.get("errors").is_some()).collect();
    assert!(failed.is_empty(), "{} of {CALLS} calls failed: {:?}", failed.len(), failed[0]);
    lock.rollback().await.unwrap();
    outside.close().await.unwrap();
    eventually("the backlog is worked off", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (app.taken().await.len() == BACKLOG).then_some(())
    })
    .await;
}

async fn pause(app: &TestApp, paused: bool) {
    let tx = Tx::begin(app.hub()).await.unwrap();
    switches::set_sending_paused(&tx, paused).await.unwrap();
    tx.commit().await.unwrap();
}

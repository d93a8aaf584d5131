//! The event log under concurrency: a reader that follows its cursor misses nothing, whatever is still open when it reads.

use std::sync::Arc;

use entity::ids::OrganizationId;
use phonehub::base::{
    ctx::Hub,
    events,
    tx::{NewEvent, Tx},
};
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::harness::TestApp;

const OTHERS: usize = 100;

fn noted(organization_id: OrganizationId, subject: &str) -> NewEvent {
    NewEvent { organization_id, kind: "test.noted", subject: subject.to_owned(), data: serde_json::json!({}) }
}

async fn note(hub: &Arc<Hub>, organization: OrganizationId, subject: &str) {
    let tx = Tx::begin(hub).await.unwrap();
    tx.emit(noted(organization, subject));
    tx.commit().await.unwrap();
}

/// A reader that keeps its cursor between two looks.
struct Reader {
    cursor: i64,
    seen: Vec<String>,
}

impl Reader {
    async fn look(&mut self, hub: &Hub, organization: OrganizationId) {
        loop {
            let page = events::read_after(hub.db.read(), organization, self.cursor).await.unwrap();
            let Some(last) = page.last() else { return };
            self.cursor = last.position;
            self.seen.extend(page.iter().map(|event| event.subject.to_string()));
        }
    }
}

/// SQLite has one writer, so an open transaction keeps the others waiting; only PostgreSQL can overtake.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_misses_nothing_of_a_transaction_that_was_held_open() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return overtaking_is_impossible(&app).await;
    }
    let (hub, organization) = (app.hub(), app.organization.id);
    let mut reader = Reader {
        cursor: events::last_position(hub.db.read(), organization).await.unwrap(),
        seen: Vec::new(),
    };
    let held = Tx::begin(hub).await.unwrap();
    held.execute_unprepared("INSERT INTO system_settings (key, value) VALUES ('held', 'written')")
        .await
        .unwrap();
    held.emit(noted(organization, "held"));
    for n in 0..OTHERS {
        note(hub, organization, &n.to_string()).await;
    }
    reader.look(hub, organization).await;
    assert_eq!(reader.seen.len(), OTHERS);
    held.commit().await.unwrap();
    reader.look(hub, organization).await;
    assert_eq!(reader.seen.last().unwrap(), "held");
    assert_eq!(reader.seen.len(), OTHERS + 1);
}

async fn overtaking_is_impossible(app: &TestApp) {
    let (hub, organization) = (app.hub().clone(), app.organization.id);
    let before = events::last_position(hub.db.read(), organization).await.unwrap();
    let held = Tx::begin(&hub).await.unwrap();
    held.emit(noted(organization, "held"));
    let others = {
        let hub = hub.clone();
        tokio::spawn(async move {
            for n in 0..OTHERS {
                note(&hub, organization, &n.to_string()).await;
            }
        })
    };
    let mut reader = Reader { cursor: before, seen: Vec::new() };
    reader.look(&hub, organization).await;
    assert!(reader.seen.is_empty(), "{:?}", reader.seen);
    held.commit().await.unwrap();
    others.await.unwrap();
    reader.look(&hub, organization).await;
    assert_eq!(reader.seen.len(), OTHERS + 1);
    assert_eq!(reader.seen[0], "held");
}

/// The end of the log is where a commit can fall between "nothing more" and "how far does it go".
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_at_the_end_of_the_log_is_never_told_that_it_is_cut_off() {
    let app = TestApp::start().await;
    let (hub, organization) = (app.hub().clone(), app.organization.id);
    let mut reader = Reader {
        cursor: events::last_position(hub.db.read(), organization).await.unwrap(),
        seen: Vec::new(),
    };
    let writer = tokio::spawn(async move {
        for n in 0..OTHERS {
            note(&hub, organization, &n.to_string()).await;
        }
    });
    while reader.seen.len() < OTHERS {
        reader.look(app.hub(), organization).await;
    }
    writer.await.unwrap();
    assert_eq!(reader.seen, (0..OTHERS).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// What the counter row is for: with a plain sequence the same reader loses the row that was held.
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_sequence_would_lose_the_held_row() {
    let app = TestApp::start().await;
    if !app.database.is_postgres() {
        return;
    }
    let db = app.hub().db.read();
    db.execute_unprepared("CREATE TABLE plain (position BIGSERIAL PRIMARY KEY, subject TEXT)").await.unwrap();
    let held = db.begin().await.unwrap();
    held.execute_unprepared("INSERT INTO plain (subject) VALUES ('held')").await.unwrap();
    for _ in 0..OTHERS {
        db.execute_unprepared("INSERT INTO plain (subject) VALUES ('other')").await.unwrap();
    }
    let look = async |after: i64| -> Vec<i64> {
        let sql = app
            .hub()
            .db
            .sql("SELECT position FROM plain WHERE position > $1 ORDER BY position", [after.into()]);
        let rows = db.query_all_raw(sql).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    };
    let first = look(0).await;
    held.commit().await.unwrap();
    let second = look(*first.last().unwrap()).await;
    assert_eq!(first.len() + second.len(), OTHERS, "the held row is seen by neither look");
}

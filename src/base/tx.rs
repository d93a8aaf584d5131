//! `Tx`: the one way to write. It collects events and jobs beside the rows and gives positions in the last statements
//! before commit; only after the commit are the worker and the subscribers woken.
//!
//! On SQLite concurrent transactions of this process share one commit: each runs under its own savepoint on the one
//! writing connection, and one of a batch commits for all. None is answered before that commit.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use entity::{event, ids::OrganizationId};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Set, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{
    ctx::Hub,
    error::{Error, Result},
    events::Event,
};

/// A change that subscribers will see.
#[derive(Debug)]
pub struct NewEvent {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Such as `message.received`.
    pub kind: &'static str,
    /// Public id of what changed.
    pub subject: String,
    /// Snapshot of the subject.
    pub data: serde_json::Value,
}

/// The SQLite writer of this process: whoever holds the lock writes.
pub type Writer = Arc<tokio::sync::Mutex<Batch>>;

/// Savepoints that will share a commit, and whom to tell.
#[derive(Debug, Default)]
pub struct Batch {
    open: Option<DatabaseTransaction>,
    owners: Vec<oneshot::Sender<bool>>,
}

impl Batch {
    /// Commits what the savepoints left and tells their owners. Does nothing on an empty batch.
    async fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        let result = open.commit().await;
        if let Err(error) = &result {
            tracing::error!(%error, "a shared commit failed");
        }
        for owner in self.owners.drain(..) {
            let _ = owner.send(result.is_ok());
        }
    }
}

/// An open transaction; dropped without [`Tx::commit`] it leaves nothing. Derefs to the connection that queries take.
#[derive(Debug)]
pub struct Tx {
    inner: Option<DatabaseTransaction>,
    shared: Option<OwnedMutexGuard<Batch>>,
    hub: Arc<Hub>,
    events: Mutex<Vec<NewEvent>>,
    wakes_worker: AtomicBool,
    revokes: AtomicBool,
}

impl Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        self.inner.as_ref().expect("present until commit or drop")
    }
}

impl Tx {
    /// Begins; on SQLite as the only writer (IMMEDIATE), waiting its turn.
    pub async fn begin(hub: &Arc<Hub>) -> Result<Self> {
        let (inner, shared) =
            if hub.db.is_sqlite() { begin_shared(hub).await? } else { (hub.db.write().begin().await?, None) };
        Ok(Self {
            inner: Some(inner),
            shared,
            hub: hub.clone(),
            events: Mutex::default(),
            wakes_worker: false.into(),
            revokes: false.into(),
        })
    }

    /// Adds a change to the log; it is published after the commit.
    pub fn emit(&self, event: NewEvent) {
        self.events.lock().expect("no panic holds it").push(event);
    }

    /// Notes that this transaction enqueued a job that may run at once.
    pub(super) fn wake_worker(&self) {
        self.wakes_worker.store(true, Ordering::Relaxed);
    }

    /// Notes that this transaction ends somebody's session, key or rights: open sockets are looked through at once.
    pub fn revokes(&self) {
        self.revokes.store(true, Ordering::Relaxed);
    }

    /// Gives the positions, commits, then wakes worker and subscribers. On an error nothing was written.
    pub async fn commit(mut self) -> Result<()> {
        let pending = std::mem::take(&mut *self.events.lock().expect("no panic holds it"));
        let events = self.append(pending).await?;
        let inner = self.inner.take().expect("present until commit or drop");
        if let Err(error) = inner.commit().await {
            return Err(self.ended(error).await);
        }
        if let Some(batch) = self.shared.take() {
            commit_shared(&self.hub.writer, batch).await?;
        }
        if self.wakes_worker.load(Ordering::Relaxed) {
            self.hub.worker.notify_one();
        }
        self.hub.feeds.publish(&events);
        if self.revokes.load(Ordering::Relaxed) {
            self.hub.feeds.announce_revocation();
        }
        Ok(())
    }

    /// A savepoint cannot be kept only when SQLite has ended the transaction around it: the batch is over for all, and
    /// nobody joins it any more.
    async fn ended(&mut self, error: DbErr) -> Error {
        let Some(mut batch) = self.shared.take() else { return error.into() };
        batch.flush().await;
        Error::unavailable(error)
    }

    /// Writes the events under their organisations' counter rows, in the order of organisation ids so that two
    /// transactions cannot wait for each other.
    async fn append(&self, pending: Vec<NewEvent>) -> Result<Vec<Event>> {
        let mut by_organization: BTreeMap<OrganizationId, Vec<NewEvent>> = BTreeMap::new();
        for event in pending {
            by_organization.entry(event.organization_id).or_default().push(event);
        }
        let created_at = self.hub.clock.now();
        let mut events = Vec::new();
        for (organization_id, pending) in by_organization {
            let last = self.take_positions(organization_id, pending.len()).await?;
            let first = last - i64::try_from(pending.len()).unwrap_or(i64::MAX) + 1;
            events.extend((first..).zip(pending).map(|(position, new)| Event {
                organization_id,
                position,
                kind: new.kind.into(),
                subject: new.subject.into(),
                data: Arc::new(new.data),
                created_at,
            }));
        }
        if !events.is_empty() {
            event::Entity::insert_many(events.iter().map(row)).exec_without_returning(&**self).await?;
        }
        Ok(events)
    }

    async fn take_positions(&self, organization: OrganizationId, count: usize) -> Result<i64> {
        let statement = self.hub.db.sql(
            "INSERT INTO event_counters (organization_id, position) VALUES ($1, $2) \
             ON CONFLICT (organization_id) DO UPDATE SET position = event_counters.position + excluded.position \
             RETURNING position",
            [organization.into(), i64::try_from(count).unwrap_or(i64::MAX).into()],
        );
        let row = self.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("event counter".into()))?;
        Ok(row.try_get_by_index(0)?)
    }
}

impl Drop for Tx {
    /// Rolls the savepoint back and lets the batch end, so that the database's write lock is not held for nothing.
    fn drop(&mut self) {
        drop(self.inner.take());
        if self.shared.take().is_some() {
            flush_soon(&self.hub.writer);
        }
    }
}

fn row(event: &Event) -> event::ActiveModel {
    event::ActiveModel {
        organization_id: Set(event.organization_id),
        position: Set(event.position),
        kind: Set(event.kind.to_string()),
        subject: Set(event.subject.to_string()),
        data: Set((*event.data).clone()),
        created_at: Set(event.created_at),
    }
}

async fn begin_shared(hub: &Hub) -> Result<(DatabaseTransaction, Option<OwnedMutexGuard<Batch>>)> {
    let mut batch = hub.writer.clone().lock_owned().await;
    if batch.open.is_none() {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        batch.open = Some(hub.db.write().begin_with_options(options).await?);
    }
    let savepoint = batch.open.as_ref().expect("opened above").begin().await?;
    Ok((savepoint, Some(batch)))
}

/// Leaves the savepoint's work in the batch.
async fn commit_shared(writer: &Writer, mut batch: OwnedMutexGuard<Batch>) -> Result<()> {
    let (owner, committed) = oneshot::channel();
    batch.owners.push(owner);
    drop(batch);
    flush_soon(writer);
    match committed.await {
        Ok(true) => Ok(()),
        _ => Err(Error::unavailable("the shared commit failed")),
    }
}

/// Queues for the lock: by then the writers that were waiting have joined, and the first of the batch to get the lock
/// commits for all. In a task, so that a cancelled caller cannot leave the others waiting.
fn flush_soon(writer: &Writer) {
    let writer = writer.clone();
    tokio::spawn(async move { writer.lock().await.flush().await });
}

#[cfg(test)]
mod tests {
    use entity::{event, organization, system_setting};
    use futures_util::future::join_all;
    use sea_orm::{ActiveModelTrait, PaginatorTrait};

    use super::*;
    use crate::base::{error::ErrorCode, events, testing};

    async fn organization(hub: &Arc<Hub>) -> OrganizationId {
        let id = OrganizationId::new();
        let tx = Tx::begin(hub).await.unwrap();
        let row = organization::ActiveModel {
            id: Set(id),
            name: Set("Acme".into()),
            default_region: Set("US".into()),
            is_operator: Set(false),
            created_at: Set(hub.clock.now()),
            ..Default::default()
        };
        row.insert(&*tx).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    fn noted(organization_id: OrganizationId, subject: String) -> NewEvent {
        NewEvent { organization_id, kind: "test.noted", subject, data: serde_json::json!({}) }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn concurrent_writers_get_dense_positions_and_all_are_answered() {
        let (hub, _folder) = testing::hub().await;
        let id = organization(&hub).await;
        let writers = (0..100).map(|n: i32| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let tx = Tx::begin(&hub).await.unwrap();
                tx.emit(noted(id, n.to_string()));
                // Every fifth gives up: nothing of it may remain, nobody may wait for it.
                if n % 5 == 0 { drop(tx) } else { tx.commit().await.unwrap() }
            })
        });
        join_all(writers).await.into_iter().for_each(|done| done.unwrap());
        let log = events::read_after(hub.db.read(), id, 0).await.unwrap();
        let positions: Vec<i64> = log.iter().map(|event| event.position).collect();
        assert_eq!(positions, (1..=80).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_nothing_and_the_next_one_works() {
        let (hub, _folder) = testing::hub().await;
        let id = organization(&hub).await;
        let tx = Tx::begin(&hub).await.unwrap();
        system_setting::ActiveModel { key: Set("a".into()), value: Set("b".into()) }
            .insert(&*tx)
            .await
            .unwrap();
        tx.emit(noted(id, "lost".into()));
        drop(tx);
        let tx = Tx::begin(&hub).await.unwrap();
        tx.emit(noted(id, "kept".into()));
        tx.commit().await.unwrap();
        assert!(system_setting::Entity::find_by_id("a").one(hub.db.read()).await.unwrap().is_none());
        assert_eq!(event::Entity::find().count(hub.db.read()).await.unwrap(), 1);
    }

    /// As it does when the disk is full.
    #[tokio::test]
    async fn what_follows_a_transaction_that_sqlite_ended_by_itself_is_kept() {
        let (hub, _folder) = testing::hub().await;
        for _ in 0..3 {
            let ended = Tx::begin(&hub).await.unwrap();
            ended.execute_unprepared("ROLLBACK").await.unwrap();
            assert_eq!(ended.commit().await.unwrap_err().code, ErrorCode::Unavailable);
            let id = organization(&hub).await;
            assert!(organization::Entity::find_by_id(id).one(hub.db.read()).await.unwrap().is_some());
        }
    }
}

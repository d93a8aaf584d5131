//! Leases that a dead server left behind. PostgreSQL serves many instances, and none can tell whether another one died or
//! cannot be reached, so there leases run out. A SQLite file is served on one machine, whose kernel knows.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use sea_orm::ConnectionTrait;

use crate::{
    base::{ctx::Hub, error::Result, tx::Tx},
    config::Database,
};

/// Says that a server works on this SQLite file, until it is dropped or its process ends, however it ends.
#[derive(Debug)]
pub struct Presence {
    _shared: File,
}

/// To be called before the worker starts. Where no other server works on this SQLite file, every lease in it belongs to
/// nobody: its job is free again at once, and the try counts. `None` on PostgreSQL, and where the file system knows
/// no locks.
pub async fn adopt(hub: &Arc<Hub>) -> Result<Option<Presence>> {
    let Database::Sqlite(path) = &hub.config.database else { return Ok(None) };
    let file = match open(path) {
        Ok(file) => file,
        Err(error) => return Ok(without(&error)),
    };
    match file.try_lock() {
        Ok(()) => free(hub).await?,
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Ok(without(&error)),
    }
    // Whoever holds it alone only frees leases meanwhile.
    let shared = tokio::task::spawn_blocking(move || file.lock_shared().map(|()| file)).await;
    Ok(match shared {
        Ok(Ok(file)) => Some(Presence { _shared: file }),
        Ok(Err(error)) => without(&error),
        Err(error) => without(&error.into()),
    })
}

/// Beside the database: SQLite loses its own locks on a file that its process closes anywhere.
fn open(database: &Path) -> io::Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

fn without(error: &io::Error) -> Option<Presence> {
    tracing::warn!(%error, "the database file cannot be locked; what a dead server had claimed waits for its lease");
    None
}

async fn free(hub: &Arc<Hub>) -> Result<()> {
    let tx = Tx::begin(hub).await?;
    let free = "UPDATE jobs SET leased_until = NULL WHERE dead_at IS NULL AND leased_until IS NOT NULL";
    let freed = tx.execute_unprepared(free).await?.rows_affected();
    tx.commit().await?;
    if freed > 0 {
        tracing::info!(jobs = freed, "what a server had claimed before it died is taken up");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use entity::{ids::OrganizationId, job};
    use sea_orm::EntityTrait;

    use super::*;
    use crate::base::{
        jobs::{NewJob, ONE_OFF, claim::claim, slots::Room},
        testing,
    };

    async fn is_claimed(hub: &Hub) -> bool {
        let job = job::Entity::find().one(hub.db.read()).await.unwrap().unwrap();
        job.leased_until.is_some()
    }

    #[tokio::test]
    async fn only_who_is_alone_frees_leases() {
        let (hub, _folder) = testing::hub().await;
        let new = NewJob {
            organization_id: OrganizationId::new(),
            kind: "any",
            subject: "subject".to_owned(),
            payload: serde_json::json!({}),
            priority: ONE_OFF,
            run_at: hub.clock.now(),
        };
        let tx = Tx::begin(&hub).await.unwrap();
        tx.enqueue(new, hub.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let first = adopt(&hub).await.unwrap();
        assert!(first.is_some());
        let room = Room { limit: 8, background: 0, full: Vec::new() };
        assert_eq!(claim(&hub, &room).await.unwrap().len(), 1);
        let second = adopt(&hub).await.unwrap();
        assert!(second.is_some() && is_claimed(&hub).await, "the first server lives");
        drop(first);
        let third = adopt(&hub).await.unwrap();
        assert!(third.is_some() && is_claimed(&hub).await, "the second one lives");
        drop((second, third));
        assert!(adopt(&hub).await.unwrap().is_some());
        assert!(!is_claimed(&hub).await);
    }
}

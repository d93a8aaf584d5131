//! Which life of the event log this is. A restored database goes on from the positions of the backup, so that positions
//! given out after the backup come again and mean something else: cursors are of one life alone.

use entity::system_setting::Entity;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use super::{error::Result, start::set_system_setting};

const LIFE: &str = "event_log_life";

/// The present life; empty until the first restore. It changes only while no server runs.
pub async fn present(db: &impl ConnectionTrait) -> Result<String> {
    let row = Entity::find_by_id(LIFE).one(db).await?;
    Ok(row.map_or_else(String::new, |row| row.value))
}

/// Begins another one: no cursor given out so far opens any more.
pub async fn begin_another(tx: &DatabaseTransaction) -> Result<()> {
    set_system_setting(tx, LIFE, Uuid::now_v7().to_string()).await
}

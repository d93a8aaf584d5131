//! Switches of the whole installation, kept in `system_settings`: whether sending is paused, and the canary by which a
//! start knows its master key. Reads and single-statement writes only; nothing of a tenant.

use entity::system_setting::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use super::db::Db;
use super::error::{Error, Result};
use super::secrets::Keyring;

const SENDING_PAUSED: &str = "sending_paused";
const CANARY: &str = "master_key_canary";

/// Whether an operator has paused sending: accepted messages wait, nothing reaches a carrier.
pub async fn is_sending_paused(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(read(db, SENDING_PAUSED).await?.as_deref() == Some("true"))
}

/// Pauses or resumes sending on all instances; each of them sees it at its next claim of jobs.
pub async fn set_sending_paused(db: &Db, paused: bool) -> Result<()> {
    write(db.write(), SENDING_PAUSED, if paused { "true" } else { "false" }).await
}

/// The same inside a transaction, so that a restored database never exists without it.
pub(super) async fn pause_sending_in(tx: &impl ConnectionTrait) -> Result<()> {
    write(tx, SENDING_PAUSED, "true").await
}

/// Refuses to work with a master key that does not open what this database holds. A new database gets its canary here;
/// after a rotation it is sealed anew.
pub async fn check_master_key(db: &Db, keyring: &Keyring) -> Result<()> {
    let is_stale = match read(db.read(), CANARY).await? {
        Some(canary) => keyring.check_canary(&canary).map_err(Error::internal)?,
        None => true,
    };
    if is_stale {
        write(db.write(), CANARY, &keyring.seal_canary().map_err(Error::internal)?).await?;
    }
    Ok(())
}

async fn read(db: &impl ConnectionTrait, key: &str) -> Result<Option<String>> {
    Ok(Entity::find_by_id(key).one(db).await?.map(|setting| setting.value))
}

async fn write(db: &impl ConnectionTrait, key: &str, value: &str) -> Result<()> {
    let row = ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
    let replace = OnConflict::column(Column::Key).update_column(Column::Value).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

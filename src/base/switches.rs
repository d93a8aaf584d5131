//! The operator's switch over the whole installation: whether sending is paused. Kept in `system_settings`, so that every
//! instance sees it and a restored database carries it.

use entity::system_setting::Entity;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait};

use super::error::Result;
use super::start::set_system_setting;

const SENDING_PAUSED: &str = "sending_paused";

/// Whether sending is paused: accepted messages wait, nothing reaches a carrier.
pub async fn is_sending_paused(db: &impl ConnectionTrait) -> Result<bool> {
    let row = Entity::find_by_id(SENDING_PAUSED).one(db).await?;
    Ok(row.is_some_and(|row| row.value == "true"))
}

/// Pauses or resumes sending on all instances, each from its next claim of jobs on.
pub async fn set_sending_paused(tx: &DatabaseTransaction, paused: bool) -> Result<()> {
    set_system_setting(tx, SENDING_PAUSED, paused.to_string()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing;
    use crate::base::tx::Tx;

    #[tokio::test]
    async fn the_switch_holds_what_was_committed() {
        let (hub, _folder) = testing::hub().await;
        assert!(!is_sending_paused(hub.db.read()).await.unwrap());
        for paused in [true, true, false] {
            let tx = Tx::begin(&hub).await.unwrap();
            set_sending_paused(&tx, paused).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(is_sending_paused(hub.db.read()).await.unwrap(), paused);
        }
    }
}

//! A database that does not let the feed read while commits go on.

use entity::organization;
use futures_util::StreamExt;
use sea_orm::{ActiveModelTrait, Set, TransactionTrait};

use super::*;
use crate::base::{
    ctx::Hub,
    testing,
    tx::{NewEvent, Tx},
};

async fn note(hub: &Arc<Hub>, organization_id: OrganizationId) {
    let tx = Tx::begin(hub).await.unwrap();
    let data = serde_json::json!({});
    tx.emit(NewEvent { organization_id, kind: "test.noted", subject: "one".into(), data });
    tx.commit().await.unwrap();
}

async fn organization(hub: &Arc<Hub>) -> OrganizationId {
    let tx = Tx::begin(hub).await.unwrap();
    let row = organization::ActiveModel {
        id: Set(OrganizationId::new()),
        name: Set("Acme".into()),
        default_region: Set("US".into()),
        is_operator: Set(false),
        created_at: Set(hub.clock.now()),
        ..Default::default()
    };
    let row = row.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_read_from_the_log() {
    // One connection for reading.
    let settings = [("PHONEHUB_DATABASE_CONNECTIONS", "3"), ("PHONEHUB_DATABASE_TIMEOUT", "60s")];
    let (hub, _folder) = testing::hub_with(&settings).await;
    let organization = organization(&hub).await;
    let stream = hub.feeds.subscribe(organization, None).await.unwrap();
    note(&hub, organization).await;
    let mut stream = std::pin::pin!(stream);
    assert_eq!(stream.next().await.unwrap().unwrap().position, 1);

    let held = hub.db.read().begin().await.unwrap();
    let feed = hub.feeds.existing(organization).unwrap();
    feed.behind.notify_one();
    let commits = i64::try_from(INBOX).unwrap() * 2;
    for _ in 0..commits {
        note(&hub, organization).await;
    }
    assert_eq!(feed.inbox.capacity(), 0, "more was committed than there is room for");
    held.rollback().await.unwrap();
    for position in 2..=commits + 1 {
        assert_eq!(stream.next().await.unwrap().unwrap().position, position);
    }
}

//! Messages that are accepted at the same time share a transaction and nothing else.

use entity::{conversation, event, job};
use futures_util::future::join_all;

use super::*;
use crate::{
    base::events,
    features::messages::testing::{Stage, THEIRS},
};

fn text(key: &str) -> SendMessage {
    SendMessage {
        to: Recipient::PhoneNumber(THEIRS.to_owned()),
        idempotency_key: key.to_owned(),
        body: Some("Hello".into()),
        media_urls: vec!["https://example.com/cat.png".into()],
        from: None,
        carrier_config_id: None,
        scheduled_at: None,
        validity_seconds: None,
        priority: None,
    }
}

#[tokio::test]
async fn messages_of_one_group_are_all_written() {
    let stage = Stage::new().await;
    let organization = stage.organization("Acme").await;
    stage.config(organization, false).await;
    let ctx = stage.ctx(organization);
    let sent = join_all((0..20).map(|n| send(&ctx, text(&n.to_string())))).await;
    let sent: Vec<message::Model> = sent.into_iter().map(Result::unwrap).collect();
    assert_eq!(stage.rows::<message::Entity>(organization).await.len(), 20);
    for message in &sent {
        assert_eq!(*message, stage.message(message.id).await);
    }
    let conversations = stage.rows::<conversation::Entity>(organization).await;
    assert_eq!(conversations.len(), 1);
    assert_eq!(stage.rows::<job::Entity>(organization).await.len(), 20);
    let log = events::read_after(ctx.db(), organization, 0).await.unwrap();
    let told = log.iter().filter(|event| &*event.kind == "message.status_changed");
    let told: Vec<MessageId> = told.map(|event| event.subject.parse().unwrap()).collect();
    assert_eq!(conversations[0].last_message_id, told.last().copied());
    let ids = |ids: Vec<MessageId>| ids.into_iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(told.len(), 20);
    assert_eq!(ids(told), ids(sent.iter().map(|message| message.id).collect()));
}

#[tokio::test]
async fn one_that_cannot_be_written_fails_alone() {
    let stage = Stage::new().await;
    stage.operator().await;
    stage.system_config().await;
    let organization = stage.organization("Acme").await;
    let (ctx, nobody) = (stage.ctx(organization), stage.ctx(OrganizationId::new()));
    let good = join_all((0..5).map(|n| send(&ctx, text(&n.to_string()))));
    let (bad, good) = tokio::join!(send(&nobody, text("0")), good);
    assert_eq!(bad.unwrap_err().code, ErrorCode::Internal);
    assert!(good.iter().all(Result::is_ok));
    assert_eq!(stage.rows::<message::Entity>(organization).await.len(), 5);
    assert!(stage.rows::<event::Entity>(nobody.organization().unwrap()).await.is_empty());
}

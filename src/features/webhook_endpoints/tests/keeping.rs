//! What the sweeps take and what they leave: unread events and pending deliveries stay.

use std::sync::Arc;

use chrono::Duration;
use entity::{
    enums::{WebhookDeliveryStatus, WebhookDisabledReason},
    ids::{WebhookDeliveryId, WebhookEndpointId},
    job, webhook_delivery,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use secrecy::ExposeSecret;

use super::{happens, made};
use crate::{
    base::{
        clock::Clock,
        ctx::{Ctx, Hub},
        events,
        tx::Tx,
    },
    config::Config,
    features::{
        testing::{self, World},
        webhook_endpoints::{
            power, secrets, tend,
            update::{self, UpdateWebhookEndpointInput},
        },
    },
};

async fn left(ctx: &Ctx) -> usize {
    let tx = ctx.begin().await.unwrap();
    let (own, before) = (ctx.organization().unwrap(), ctx.now() - Duration::days(7));
    events::forget_before(&ctx.hub, &*tx, own, before).await.unwrap();
    tx.commit().await.unwrap();
    testing::events(ctx).await.len()
}

#[tokio::test]
async fn events_that_an_endpoint_has_not_read_outlive_their_retention() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let stranger = world.admin().await;
    happens(&ctx, "contact.updated").await;
    let (endpoint, _) = made(&ctx).await.unwrap();
    happens(&ctx, "contact.updated").await;
    happens(&stranger, "contact.updated").await;
    world.hub.clock.advance(Duration::days(8));
    assert_eq!(left(&ctx).await, 1, "the one before the endpoint may go");
    assert_eq!(left(&stranger).await, 0, "nobody waits for it");
    let off = UpdateWebhookEndpointInput {
        id: endpoint.id,
        url: None,
        types: None,
        description: None,
        is_enabled: Some(false),
    };
    let row = update::update(&ctx, off).await.unwrap();
    assert_eq!(row.disabled_reason, Some(WebhookDisabledReason::Requested));
    assert_eq!(left(&ctx).await, 0, "an endpoint that is off holds nothing back");
}

fn delivery(endpoint: &entity::webhook_endpoint::Model, position: i64) -> webhook_delivery::Model {
    webhook_delivery::Model {
        id: WebhookDeliveryId::new(),
        organization_id: endpoint.organization_id,
        endpoint_id: endpoint.id,
        position,
        kind: "contact.updated".into(),
        body: "{}".into(),
        status: WebhookDeliveryStatus::Retrying,
        tries: 1,
        attempts: 1,
        next_attempt_at: Some(endpoint.created_at),
        created_at: endpoint.created_at,
        finished_at: None,
    }
}

async fn insert(hub: &Arc<Hub>, row: webhook_delivery::Model) -> WebhookDeliveryId {
    let tx = Tx::begin(hub).await.unwrap();
    let row = row.into_active_model().reset_all().insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

async fn find(ctx: &Ctx, id: WebhookDeliveryId) -> Option<webhook_delivery::Model> {
    webhook_delivery::Entity::find_by_id(id).one(ctx.db()).await.unwrap()
}

#[tokio::test]
async fn finished_deliveries_go_and_pending_ones_stay_until_the_endpoint_is_off() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let (endpoint, _) = made(&ctx).await.unwrap();
    let pending = insert(&world.hub, delivery(&endpoint, 1)).await;
    let finished = webhook_delivery::Model {
        status: WebhookDeliveryStatus::Delivered,
        next_attempt_at: None,
        finished_at: Some(ctx.now()),
        ..delivery(&endpoint, 2)
    };
    let finished = insert(&world.hub, finished).await;
    assert_eq!(tend::forget(&world.hub).await.unwrap(), 0);
    world.hub.clock.advance(Duration::days(8));
    assert_eq!(tend::forget(&world.hub).await.unwrap(), 1);
    assert!(find(&ctx, finished).await.is_none());
    let tx = ctx.begin().await.unwrap();
    power::disable(&ctx, &tx, endpoint, WebhookDisabledReason::Failing).await.unwrap();
    tx.commit().await.unwrap();
    let given_up = find(&ctx, pending).await.unwrap();
    assert_eq!((given_up.status, given_up.next_attempt_at), (WebhookDeliveryStatus::Failed, None));
    assert_eq!(testing::events(&ctx).await.last().unwrap().kind, power::DISABLED);
    assert_eq!(testing::audit(&ctx).await.last().unwrap().action, "disableWebhookEndpoint");
}

/// What a process committed before it died wakes nobody; the look that every process takes does.
#[tokio::test]
async fn whatever_is_behind_is_woken_once_and_running_jobs_keep_their_leases() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let (endpoint, _) = made(&ctx).await.unwrap();
    tend::wake(&world.hub, None).await.unwrap();
    assert_eq!(job::Entity::find().all(ctx.db()).await.unwrap(), [], "nothing is behind");
    happens(&ctx, "contact.updated").await;
    tend::wake(&world.hub, Some(&[ctx.organization().unwrap()])).await.unwrap();
    let first = job::Entity::find().one(ctx.db()).await.unwrap().expect("a job");
    assert_eq!(first.subject.parse::<WebhookEndpointId>().unwrap(), endpoint.id);
    world.hub.clock.advance(Duration::minutes(1));
    tend::wake(&world.hub, None).await.unwrap();
    assert_eq!(job::Entity::find().all(ctx.db()).await.unwrap(), [first], "as it was");
}

#[tokio::test]
async fn a_new_master_key_reseals_the_secrets_too() {
    let world = World::new().await;
    let dir = world.folder.0.join("rotation");
    std::fs::create_dir_all(&dir).unwrap();
    let open = async |keys: &str| {
        let pairs = [
            ("PHONEHUB_DATA_DIR", dir.to_str().unwrap()),
            ("PHONEHUB_MASTER_KEY", keys),
            ("PHONEHUB_TOKEN_KEY", "t:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="),
        ];
        let hub = Hub::open(Config::from_pairs(&pairs).unwrap(), Clock::default()).await.unwrap();
        World { hub, folder: crate::base::testing::hub().await.1 }
    };
    let old = "a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let new = "b:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let before = open(old).await;
    let ctx = before.admin().await;
    let (endpoint, secret) = made(&ctx).await.unwrap();
    let between = Ctx::administrator(open(&format!("{new},{old}")).await.hub);
    assert_eq!(secrets::reseal(&between).await.unwrap(), 1);
    assert_eq!(secrets::reseal(&between).await.unwrap(), 0);
    let after = Ctx::administrator(open(new).await.hub);
    let keys = secrets::signing_keys(&after, endpoint.id).await.unwrap();
    let told = super::super::signature::SigningKey::parse(secret.expose_secret()).unwrap();
    let signed = |key| super::super::signature::header(&[key], "id", 1, "body");
    assert_eq!(signed(keys[0].clone()), signed(told));
}

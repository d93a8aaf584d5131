//! The system config from the environment.

use entity::carrier_config;
use secrecy::ExposeSecret;

use super::*;
use crate::features::carrier_configs::{
    open::webhook_tokens,
    query,
    seed::{SystemSeed, seed_system},
    testing::save_proven as save,
};

fn seed(sender: &str, token: &str) -> SystemSeed {
    SystemSeed {
        account_sid: sid(1),
        auth_token: token.into(),
        base_url: Some(NOWHERE.into()),
        senders: vec![sender.to_owned()],
    }
}

async fn seeded(world: &World, seed: &SystemSeed) -> carrier_config::Model {
    seed_system(&Ctx::administrator(world.hub.clone()), seed).await.unwrap();
    query::of_system().one(world.hub.db.read()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_operators_set_stays_until_the_environment_changes() {
    let world = World::new().await;
    let operator = world.operator().await;
    let first = seeded(&world, &seed("+14155550100", TOKEN)).await;
    let pace = SaveCarrierConfigInput { system: true, messages_per_second: Some(7), ..unchanged() };
    let set = save(&operator, pace).await.unwrap();
    let again = seeded(&world, &seed("+14155550100", TOKEN)).await;
    assert_eq!(again, set);
    let changed = seeded(&world, &seed("+14155550101", "second-token-0002")).await;
    assert_eq!((changed.id, changed.messages_per_second), (first.id, 7));
    assert_eq!(senders_of(&operator).await, [("+14155550101".to_owned(), true)]);
    let tokens = webhook_tokens(&world.hub, &changed).unwrap();
    assert_eq!(
        tokens.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(),
        ["second-token-0002", TOKEN]
    );
}

#[tokio::test]
async fn instances_that_start_together_make_one_config() {
    let world = World::new().await;
    world.operator().await;
    let starts = (0..4).map(|_| {
        let ctx = Ctx::administrator(world.hub.clone());
        tokio::spawn(async move { seed_system(&ctx, &seed("+14155550100", TOKEN)).await })
    });
    for answer in futures_util::future::join_all(starts).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(query::of_system().all(world.hub.db.read()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn senders_wait_for_the_operators_organisation() {
    let world = World::new().await;
    let config = seeded(&world, &seed("+14155550100", TOKEN)).await;
    assert_eq!(config.default_sender.as_deref(), Some("+14155550100"));
    let operator = world.operator().await;
    assert!(senders_of(&operator).await.is_empty());
    seeded(&world, &seed("+14155550100", TOKEN)).await;
    assert_eq!(senders_of(&operator).await, [("+14155550100".to_owned(), true)]);
}

#[tokio::test]
async fn a_sender_that_an_organisation_has_stays_its_own_and_stops_no_start() {
    let world = World::new().await;
    let (operator, ctx) = (world.operator().await, world.admin().await);
    save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let administrator = Ctx::administrator(world.hub.clone());
    seed_system(&administrator, &seed("+14155550100", TOKEN)).await.unwrap();
    assert!(senders_of(&operator).await.is_empty());
    assert!(query::of_system().one(ctx.db()).await.unwrap().is_none(), "nothing of it was written");
}

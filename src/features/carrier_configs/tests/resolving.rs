//! Which config and sender a message goes through.

use async_graphql::MaybeUndefined;
use entity::ids::CarrierConfigId;

use super::*;
use crate::{
    base::error::{ErrorCode, Result},
    features::{
        carrier_configs::{
            resolve::{ConfigChoice, Route, SenderChoice, resolve},
            testing::save_proven as save,
        },
        numbers::find::by_address,
    },
    graphql::page::PageArgs,
};

async fn route(ctx: &Ctx, wanted: Option<CarrierConfigId>, from: Option<&str>) -> Result<Route> {
    resolve(&ctx.hub, ctx.organization()?, wanted, from).await
}

#[tokio::test]
async fn nothing_configured_is_said_so() {
    let world = World::new().await;
    let ctx = world.admin().await;
    assert_eq!(route(&ctx, None, None).await.unwrap_err().code, ErrorCode::MissingConfiguration);
}

#[tokio::test]
async fn the_systems_config_serves_those_without_one() {
    let world = World::new().await;
    let (operator, ctx) = (world.operator().await, world.admin().await);
    let system = SaveCarrierConfigInput { system: true, ..config(1, &["+14155550100", "+14155550101"]) };
    let system = save(&operator, system).await.unwrap();
    let found = route(&ctx, None, None).await.unwrap();
    assert_eq!((found.config.id, found.sender.address.as_str()), (system.id, "+14155550100"));
    assert_eq!(found.why.config, ConfigChoice::SystemDefault);
    let number = found.sender.number.unwrap();
    assert_eq!(number.organization_id, operator.organization().unwrap());
    let named = route(&ctx, None, Some("415 555 0101")).await.unwrap();
    assert_eq!((named.sender.address.as_str(), named.why.sender), ("+14155550101", SenderChoice::Named));

    let own = save(&ctx, config(2, &["+14155550102"])).await.unwrap();
    let found = route(&ctx, None, None).await.unwrap();
    assert_eq!((found.config.id, found.why.config), (own.id, ConfigChoice::OwnDefault));
    let mixed = route(&ctx, None, Some("+14155550101")).await.unwrap_err();
    assert_eq!((mixed.code, mixed.field), (ErrorCode::UnknownSender, vec!["input", "from"]));
    let whole = route(&ctx, Some(system.id), Some("+14155550101")).await.unwrap();
    assert_eq!((whole.config.id, whole.why.config), (system.id, ConfigChoice::Named));
}

#[tokio::test]
async fn senders_and_configs_of_others_do_not_exist() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let theirs = save(&stranger, config(1, &["+14155550100"])).await.unwrap();
    save(&ctx, config(2, &["+14155550101"])).await.unwrap();
    for id in [theirs.id, CarrierConfigId::new()] {
        let error = route(&ctx, Some(id), None).await.unwrap_err();
        assert_eq!((error.code, error.field), (ErrorCode::NotFound, vec!["input", "carrierConfigId"]));
    }
    for from in ["+14155550100", "+14155550199", "nonsense, truly"] {
        assert_eq!(route(&ctx, None, Some(from)).await.unwrap_err().code, ErrorCode::UnknownSender, "{from}");
    }
    let organization = ctx.organization().unwrap();
    assert!(by_address(ctx.db(), organization, "+14155550100").await.unwrap().is_none());
}

#[tokio::test]
async fn a_messaging_service_sends_unless_a_sender_is_named() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let service = MaybeUndefined::Value(SERVICE.to_owned());
    let input = SaveCarrierConfigInput { messaging_service_sid: service, ..config(1, &["+14155550100"]) };
    save(&ctx, input).await.unwrap();
    let found = route(&ctx, None, None).await.unwrap();
    assert!(found.sender.is_service);
    assert_eq!(found.why.sender, SenderChoice::MessagingService);
    assert_eq!(found.sender_key(), format!("twilio:127.0.0.1:1:{}/{SERVICE}", sid(1)));
    let named = route(&ctx, None, Some("+14155550100")).await.unwrap();
    assert!(!named.sender.is_service);
    assert!(route(&ctx, None, Some(SERVICE)).await.unwrap().sender.is_service);
}

#[tokio::test]
async fn numbers_are_an_organisations_own_or_the_shared_ones() {
    let world = World::new().await;
    let (operator, ctx) = (world.operator().await, world.admin().await);
    let system = SaveCarrierConfigInput { system: true, ..config(1, &["+14155550100"]) };
    save(&operator, system).await.unwrap();
    let list = async |ctx: &Ctx| {
        let args = PageArgs::new(None, None, None, None).unwrap();
        let page = crate::features::numbers::find::list(ctx, args).await.unwrap();
        page.rows.into_iter().map(|(_, row)| row.address).collect::<Vec<_>>()
    };
    assert_eq!(list(&ctx).await, ["+14155550100"]);
    save(&ctx, config(2, &["+14155550102"])).await.unwrap();
    assert_eq!(list(&ctx).await, ["+14155550102"]);
    assert_eq!(list(&operator).await, ["+14155550100"]);
}

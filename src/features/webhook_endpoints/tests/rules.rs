//! Who may make which endpoint, and what is written down about it.

use entity::{enums::Role, ids::ApiKeyId, webhook_secret};
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;

use super::{made, wish};
use crate::{
    base::{
        caller::{Caller, KeyHolder, Permission},
        ctx::Ctx,
        error::ErrorCode,
    },
    features::{
        messages::graphql::EventType,
        testing::{World, audit},
        webhook_endpoints::{create, signature::SigningKey},
    },
};

fn key(ctx: &Ctx, scopes: &[Permission]) -> Ctx {
    let holder = KeyHolder {
        api_key_id: ApiKeyId::new(),
        organization_id: ctx.organization().unwrap(),
        scopes: scopes.into(),
        expires_at: None,
    };
    Ctx { caller: Caller::Key(holder), ..ctx.clone() }
}

#[tokio::test]
async fn a_secret_is_random_sealed_and_told_once() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let (_, first) = made(&ctx).await.unwrap();
    let (_, second) = made(&ctx).await.unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
    assert!(SigningKey::parse(first.expose_secret()).is_some());
    assert_eq!(first.expose_secret().len(), "whsec_".len() + 44, "32 bytes in base64");
    for row in webhook_secret::Entity::find().all(ctx.db()).await.unwrap() {
        let text = String::from_utf8_lossy(&row.secret).into_owned();
        assert!(!text.contains(first.expose_secret()) && !text.contains("whsec_"));
        assert_eq!(row.hint.len(), 4);
    }
    let told = format!("{:?}", audit(&ctx).await);
    assert!(told.contains("createWebhookEndpoint") && !told.contains("whsec_"));
}

#[tokio::test]
async fn whoever_may_not_see_an_event_cannot_have_it_posted() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let agent = world.colleague(&ctx, Role::Agent);
    assert_eq!(made(&agent).await.unwrap_err().code, ErrorCode::Forbidden);
    let hooks_only = key(&ctx, &[Permission::WebhooksManage]);
    assert_eq!(made(&hooks_only).await.unwrap_err().code, ErrorCode::Forbidden);
    let reader = key(&ctx, &[Permission::WebhooksManage, Permission::MessagesRead]);
    made(&reader).await.unwrap();
    let wanted = wish("https://partner.example/", &[EventType::CarrierConfigSaved]);
    assert_eq!(create::create(&reader, wanted).await.unwrap_err().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let types = [EventType::ContactUpdated];
    for (wish, field) in [
        (wish("https://partner.example/", &[]), "types"),
        (wish("not an address", &types), "url"),
        (wish(&format!("https://partner.example/{}", "x".repeat(2_048)), &types), "url"),
        (
            create::CreateWebhookEndpointInput {
                description: "x".repeat(501),
                ..wish("https://partner.example/", &types)
            },
            "description",
        ),
    ] {
        let error = create::create(&ctx, wish).await.unwrap_err();
        assert_eq!((error.code, error.field), (ErrorCode::BadUserInput, vec!["input", field]));
    }
    for _ in 0..10 {
        made(&ctx).await.unwrap();
    }
    assert_eq!(made(&ctx).await.unwrap_err().code, ErrorCode::Conflict, "ten at most");
}

#[tokio::test]
async fn the_audit_log_does_not_hold_what_an_address_may_hide() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let address = "https://partner.example/hooks?token=canary";
    create::create(&ctx, wish(address, &[EventType::ContactUpdated])).await.unwrap();
    let told = format!("{:?}", audit(&ctx).await);
    assert!(told.contains("https://partner.example/hooks") && !told.contains("canary"));
}

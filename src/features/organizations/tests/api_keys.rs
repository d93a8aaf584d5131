//! Keys: nothing by default, never the members, refused once revoked or ended.

use chrono::Duration;
use entity::{api_key, enums::Role};
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;

use super::{Door, refused};
use crate::{
    base::{
        caller::{Caller, Permission},
        error::ErrorCode as Code,
        tokens,
    },
    features::organizations::{
        api_keys::{CreateApiKeyInput, RevokeApiKeyInput, create, page, revoke, scopes},
        profile, sign_out,
    },
    graphql::page::PageArgs,
};

fn named(name: &str, scopes: &[Permission]) -> CreateApiKeyInput {
    CreateApiKeyInput { name: name.into(), scopes: scopes.to_vec(), expires_at: None }
}

#[tokio::test]
async fn a_key_acts_in_its_organisation_within_its_scopes() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let (key, secret) = create(&ada, named("CRM", &[Permission::MessagesSend])).await.unwrap();
    let partner = door.enter(secret.expose_secret()).await.unwrap();
    assert_eq!(partner.require(Permission::MessagesSend).unwrap(), ada.organization().unwrap());
    for other in [Permission::MessagesRead, Permission::ContactsWrite, Permission::MembersManage] {
        refused(partner.require(other), Code::Forbidden);
    }
    assert_eq!(scopes(&key), [Permission::MessagesSend]);
    assert!(secret.expose_secret().starts_with(&key.hint) && key.hint.len() == 8);
}

#[tokio::test]
async fn a_key_has_nothing_by_default_and_its_secret_is_not_kept() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let (key, secret) = create(&ada, named("CRM", &[])).await.unwrap();
    let partner = door.enter(secret.expose_secret()).await.unwrap();
    for scope in Permission::SCOPES {
        refused(partner.require(scope), Code::Forbidden);
    }
    let row = api_key::Entity::find_by_id(key.id).one(ada.db()).await.unwrap().unwrap();
    assert_eq!(row.secret_hash, tokens::hash(secret.expose_secret()));
    assert!(!format!("{row:?}").contains(&secret.expose_secret()[8..]));
}

#[tokio::test]
async fn keys_are_made_by_people_who_manage_members() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let agent = door.member(&ada, "agent@example.com", Role::Agent).await;
    let (_, secret) = create(&ada, named("CRM", &Permission::SCOPES)).await.unwrap();
    let partner = door.enter(secret.expose_secret()).await.unwrap();
    refused(create(&agent, named("x", &[])).await, Code::Forbidden);
    refused(create(&partner, named("x", &[])).await, Code::Forbidden);
    refused(
        page(&partner, PageArgs::new(None, None, None, None).unwrap()).await.map(|_| ()),
        Code::Forbidden,
    );
    refused(profile::update(&partner, profile::UpdateProfileInput::default()).await, Code::Forbidden);
    refused(sign_out::sign_out(&partner, sign_out::SignOutInput::default()).await, Code::Forbidden);
}

#[tokio::test]
async fn input_is_checked() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let past = CreateApiKeyInput { expires_at: Some(ada.now()), ..named("x", &[]) };
    for (input, field) in
        [(named("", &[]), "name"), (named("x", &[Permission::MembersManage]), "scopes"), (past, "expiresAt")]
    {
        assert_eq!(refused(create(&ada, input).await, Code::BadUserInput), ["input", field]);
    }
}

#[tokio::test]
async fn a_revoked_or_ended_key_is_refused() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let eve = door.owner("eve@example.com").await;
    let (key, secret) = create(&ada, named("CRM", &[])).await.unwrap();
    let until = Some(ada.now() + Duration::hours(1));
    let (_, short) =
        create(&ada, CreateApiKeyInput { expires_at: until, ..named("short", &[]) }).await.unwrap();
    let open = door.enter(secret.expose_secret()).await.unwrap();
    assert!(matches!(open.caller, Caller::Key(_)));

    let input = || RevokeApiKeyInput { api_key_id: key.id };
    refused(revoke(&eve, input()).await, Code::NotFound);
    let first = revoke(&ada, input()).await.unwrap().revoked_at.unwrap();
    door.hub.clock.advance(Duration::minutes(1));
    assert_eq!(revoke(&ada, input()).await.unwrap().revoked_at, Some(first), "the same as once");
    refused(door.enter(secret.expose_secret()).await, Code::Unauthenticated);
    refused(door.now(&open).await, Code::Unauthenticated);

    assert!(door.enter(short.expose_secret()).await.is_ok());
    door.hub.clock.advance(Duration::hours(1));
    refused(door.enter(short.expose_secret()).await, Code::Unauthenticated);
}

//! What `phonehub admin` can do, that nobody else can, and the demo's seed.

use entity::{audit_entry, enums::Role, ids::OrganizationId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use secrecy::ExposeSecret;

use super::{Door, PASSWORD, accepting, refused};
use crate::{
    base::{caller::Permission, error::ErrorCode as Code, phone::Region},
    features::organizations::{
        accept_invitation::accept_invitation, admin, demo::seed_demo, organization::operator_organization,
    },
};

#[tokio::test]
async fn a_first_organisation_and_its_owner_come_from_the_command_line() {
    let door = Door::open().await;
    let admin = door.administrator();
    let acme = admin::create_organization(&admin, "Acme", Region::US, false).await.unwrap();
    let owner = admin::create_owner(&admin, acme.id, "Ada@example.com", "Ada").await.unwrap();
    let password = owner.password.unwrap();
    let signed_in = door.sign_in("ada@example.com", password.expose_secret()).await.unwrap();
    assert_eq!(door.person(&signed_in).await.caller.member().unwrap().role, Role::Owner);
    let entry = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("createOwner"))
        .one(door.hub.db.read())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((entry.organization_id, entry.user_id), (Some(acme.id), None));
    assert_eq!(entry.actor, entity::enums::AuditActor::Administrator);
    refused(admin::create_owner(&admin, acme.id, "ada@example.com", "Ada").await, Code::Conflict);
    refused(admin::create_owner(&admin, OrganizationId::new(), "a@b.c", "A").await, Code::NotFound);
}

#[tokio::test]
async fn a_known_person_keeps_the_password() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    let admin = door.administrator();
    let other = admin::create_organization(&admin, "Other", Region::US, false).await.unwrap();
    let owner = admin::create_owner(&admin, other.id, "ada@example.com", "Ignored").await.unwrap();
    assert!(owner.password.is_none());
    assert_eq!(owner.user.name, "Ada");
    assert!(door.sign_in("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn there_is_one_operators_organisation() {
    let door = Door::open().await;
    let admin = door.administrator();
    assert!(operator_organization(admin.db()).await.unwrap().is_none());
    let first = admin::create_organization(&admin, "Operator", Region::US, true).await.unwrap();
    refused(admin::create_organization(&admin, "Second", Region::US, true).await, Code::Conflict);
    assert_eq!(operator_organization(admin.db()).await.unwrap().unwrap().id, first.id);
}

#[tokio::test]
async fn operators_are_made_and_unmade() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    refused(ada.caller.require_operator(), Code::Forbidden);
    for flag in [true, false] {
        admin::set_operator(&door.administrator(), "ada@example.com", flag).await.unwrap();
        let caller = door.now(&ada).await.unwrap();
        assert_eq!(caller.require_operator().is_ok(), flag);
    }
    refused(admin::set_operator(&door.administrator(), "eve@example.com", true).await, Code::NotFound);
}

#[tokio::test]
async fn keys_and_invitations_come_from_the_command_line_too() {
    let door = Door::open().await;
    let admin = door.administrator();
    let acme = admin::create_organization(&admin, "Acme", Region::US, false).await.unwrap();
    let scopes = vec![Permission::MessagesRead];
    let (key, secret) = admin::create_key(&admin, acme.id, "CRM", scopes, None).await.unwrap();
    assert_eq!(key.created_by, None);
    let partner = door.enter(secret.expose_secret()).await.unwrap();
    assert_eq!(partner.require(Permission::MessagesRead).unwrap(), acme.id);
    let members = vec![Permission::MembersManage];
    refused(admin::create_key(&admin, acme.id, "CRM", members, None).await, Code::BadUserInput);

    let invited = admin::invitation_link(&admin, acme.id, "bob@example.com", Role::Owner).await.unwrap();
    let joined = accept_invitation(&door.stranger(), accepting(invited.token.expose_secret())).await.unwrap();
    assert_eq!(door.person(&joined).await.caller.member().unwrap().role, Role::Owner);
}

#[tokio::test]
async fn not_even_an_operator_reaches_the_command_line() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    admin::set_operator(&door.administrator(), "ada@example.com", true).await.unwrap();
    let caller = door.now(&ada).await.unwrap();
    let operator = crate::base::ctx::Ctx { caller, ..ada.clone() };
    let organization = ada.organization().unwrap();
    refused(admin::create_organization(&operator, "x", Region::US, false).await, Code::Forbidden);
    refused(admin::create_owner(&operator, organization, "a@b.c", "A").await, Code::Forbidden);
    refused(admin::set_operator(&operator, "ada@example.com", true).await, Code::Forbidden);
    refused(admin::create_key(&operator, organization, "x", vec![], None).await, Code::Forbidden);
    refused(admin::invitation_link(&operator, organization, "a@b.c", Role::Owner).await, Code::Forbidden);
    refused(admin::password_reset_link(&operator, "ada@example.com").await, Code::Forbidden);
    refused(seed_demo(&operator).await, Code::Forbidden);
}

#[tokio::test]
async fn the_demo_is_seeded_at_every_start_and_only_the_last_token_works() {
    let door = Door::open().await;
    let first = seed_demo(&door.administrator()).await.unwrap();
    let second = seed_demo(&door.administrator()).await.unwrap();
    assert!(first.organization.is_operator && first.user.is_operator);
    assert_eq!((first.organization.id, first.user.id), (second.organization.id, second.user.id));
    refused(door.enter(first.token.expose_secret()).await, Code::Unauthenticated);
    let partner = door.enter(second.token.expose_secret()).await.unwrap();
    for scope in Permission::SCOPES {
        assert_eq!(partner.require(scope).unwrap(), first.organization.id);
    }
    assert!(second.password.is_none());
    let password = first.password.unwrap();
    assert!(door.sign_in("demo@phonehub.local", password.expose_secret()).await.is_ok());
}

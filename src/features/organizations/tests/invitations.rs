//! Invitations: once, in time, for one address, and gone with the right to invite.

use chrono::Duration;
use entity::{Tenanted, enums::Role, membership};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use secrecy::ExposeSecret;

use super::{Door, PASSWORD, accepting, refused};
use crate::{
    base::{ctx::Ctx, error::ErrorCode as Code},
    features::organizations::{
        accept_invitation::{AcceptInvitationInput, accept_invitation},
        invite::{self, InviteMemberInput, Invited, RevokeInvitationInput},
        members::{ChangeRoleInput, RemoveMemberInput, change_role, remove_member},
    },
    graphql::page::PageArgs,
};

async fn invited(by: &Ctx, email: &str, role: Role) -> Invited {
    invite::invite(by, InviteMemberInput { email: email.into(), role }).await.unwrap()
}

#[tokio::test]
async fn a_new_person_joins_with_the_role_that_was_offered() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let invited = invited(&ada, "Bob@example.com", Role::Agent).await;
    let token = invited.token.expose_secret();
    assert!(invited.link.expose_secret().ends_with(&format!("/#invitation={token}")));
    let joined = accept_invitation(&door.stranger(), accepting(token)).await.unwrap();
    assert_eq!((joined.user.email.as_str(), joined.user.name.as_str()), ("bob@example.com", "Bob"));
    let bob = door.person(&joined).await;
    assert_eq!(bob.caller.member().unwrap().role, Role::Agent);
    assert_eq!(bob.organization().unwrap(), ada.organization().unwrap());
    assert!(door.sign_in("bob@example.com", PASSWORD).await.is_ok());

    let again = accept_invitation(&door.stranger(), accepting(token)).await;
    assert_eq!(refused(again, Code::NotFound), ["input", "token"]);
    assert_eq!((door.audited("inviteMember").await, door.audited("acceptInvitation").await), (1, 1));
}

#[tokio::test]
async fn a_known_person_proves_the_password_first() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.sign_up("bob@example.com").await;
    let invited = invited(&ada, "bob@example.com", Role::Viewer).await;
    let token = invited.token.expose_secret();
    let wrong = AcceptInvitationInput { password: "wrong password".into(), ..accepting(token) };
    let wrong = accept_invitation(&door.stranger(), wrong).await;
    assert_eq!(refused(wrong, Code::BadUserInput), ["input", "password"]);
    assert_eq!(door.audited("signInFailed").await, 1);
    let joined = accept_invitation(&door.stranger(), accepting(token)).await.unwrap();
    assert_eq!(
        (joined.user.id, joined.user.name.as_str()),
        (bob.user.id, "Ada"),
        "the account stays as it was"
    );
    let seats = membership::Entity::find().filter(membership::Column::UserId.eq(bob.user.id));
    assert_eq!(seats.count(door.hub.db.read()).await.unwrap(), 2);
}

#[tokio::test]
async fn of_two_who_follow_one_link_one_joins() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let invited = invited(&ada, "bob@example.com", Role::Viewer).await;
    let (one, two) = (door.stranger(), door.stranger());
    let token = invited.token.expose_secret();
    let (first, second) =
        tokio::join!(accept_invitation(&one, accepting(token)), accept_invitation(&two, accepting(token)));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
}

#[tokio::test]
async fn links_end_with_time_withdrawal_and_replacement() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let replaced = invited(&ada, "bob@example.com", Role::Viewer).await;
    let withdrawn = invited(&ada, "bob@example.com", Role::Viewer).await;
    let input = RevokeInvitationInput { invitation_id: withdrawn.invitation.id };
    invite::revoke(&ada, input).await.unwrap();
    let late = invited(&ada, "bob@example.com", Role::Viewer).await;
    door.hub.clock.advance(Duration::days(7));
    for useless in [&replaced, &withdrawn, &late] {
        let input = accepting(useless.token.expose_secret());
        refused(accept_invitation(&door.stranger(), input).await, Code::NotFound);
    }
}

#[tokio::test]
async fn invitations_of_others_cannot_be_withdrawn_or_seen() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let eve = door.owner("eve@example.com").await;
    let viewer = door.member(&ada, "viewer@example.com", Role::Viewer).await;
    let open = invited(&ada, "bob@example.com", Role::Viewer).await.invitation;
    let input = || RevokeInvitationInput { invitation_id: open.id };
    refused(invite::revoke(&eve, input()).await, Code::NotFound);
    refused(invite::revoke(&viewer, input()).await, Code::Forbidden);
    let all = || PageArgs::new(None, None, None, None).unwrap();
    assert!(invite::page(&eve, all()).await.unwrap().rows.is_empty());
    refused(invite::page(&viewer, all()).await.map(|page| page.rows), Code::Forbidden);
    let newest = &invite::page(&ada, all()).await.unwrap().rows[0].1;
    assert_eq!(newest.id, open.id);
}

#[tokio::test]
async fn members_are_not_invited_again() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let again = InviteMemberInput { email: "ada@example.com".into(), role: Role::Viewer };
    assert_eq!(refused(invite::invite(&ada, again).await, Code::Conflict), ["input", "email"]);
}

#[tokio::test]
async fn invitations_do_not_outlive_the_right_to_make_them() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.member(&ada, "bob@example.com", Role::Owner).await;
    let seat = membership::Entity::in_org(ada.organization().unwrap())
        .filter(membership::Column::UserId.eq(bob.caller.user_id()))
        .one(ada.db())
        .await
        .unwrap()
        .unwrap()
        .id;
    let owner = invited(&bob, "owner@example.com", Role::Owner).await;
    let agent = invited(&bob, "agent@example.com", Role::Agent).await;
    change_role(&ada, ChangeRoleInput { membership_id: seat, role: Role::Admin }).await.unwrap();
    let late = accept_invitation(&door.stranger(), accepting(owner.token.expose_secret())).await;
    refused(late, Code::NotFound);
    remove_member(&ada, RemoveMemberInput { membership_id: seat }).await.unwrap();
    let late = accept_invitation(&door.stranger(), accepting(agent.token.expose_secret())).await;
    refused(late, Code::NotFound);
}

//! Roles: who may give which, who may remove whom, and that an owner remains.

use entity::{Tenanted, enums::Role, ids::MembershipId, membership};
use sea_orm::{ColumnTrait, QueryFilter};

use super::{Door, PASSWORD, refused, signing_in};
use crate::{
    base::{ctx::Ctx, error::ErrorCode as Code},
    features::organizations::{
        invite::{self, InviteMemberInput},
        members::{ChangeRoleInput, RemoveMemberInput, change_role, page, remove_member},
        sign_in::sign_in,
    },
    graphql::page::PageArgs,
};

async fn seat_of(ctx: &Ctx) -> MembershipId {
    let member = ctx.caller.member().unwrap();
    membership::Entity::in_org(member.organization_id)
        .filter(membership::Column::UserId.eq(member.user_id))
        .one(ctx.db())
        .await
        .unwrap()
        .unwrap()
        .id
}

fn to(membership_id: MembershipId, role: Role) -> ChangeRoleInput {
    ChangeRoleInput { membership_id, role }
}

fn gone(membership_id: MembershipId) -> RemoveMemberInput {
    RemoveMemberInput { membership_id }
}

#[tokio::test]
async fn a_role_counts_from_the_next_request() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.member(&ada, "bob@example.com", Role::Viewer).await;
    change_role(&ada, to(seat_of(&bob).await, Role::Admin)).await.unwrap();
    let caller = door.now(&bob).await.unwrap();
    assert_eq!(caller.member().unwrap().role, Role::Admin);
    assert_eq!(door.audited("changeRole").await, 1);
}

#[tokio::test]
async fn roles_are_managed_by_admins_and_owners_by_owners() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let admin = door.member(&ada, "admin@example.com", Role::Admin).await;
    let agent = door.member(&ada, "agent@example.com", Role::Agent).await;
    let (ada_seat, admin_seat, agent_seat) =
        (seat_of(&ada).await, seat_of(&admin).await, seat_of(&agent).await);

    refused(change_role(&agent, to(agent_seat, Role::Admin)).await, Code::Forbidden);
    refused(change_role(&door.stranger(), to(agent_seat, Role::Admin)).await, Code::Unauthenticated);
    refused(change_role(&admin, to(admin_seat, Role::Owner)).await, Code::Forbidden);
    refused(change_role(&admin, to(agent_seat, Role::Owner)).await, Code::Forbidden);
    refused(change_role(&admin, to(ada_seat, Role::Viewer)).await, Code::Forbidden);
    refused(remove_member(&admin, gone(ada_seat)).await, Code::Forbidden);
    refused(remove_member(&agent, gone(admin_seat)).await, Code::Forbidden);
    let owner = InviteMemberInput { email: "eve@example.com".into(), role: Role::Owner };
    refused(invite::invite(&admin, owner).await, Code::Forbidden);

    assert_eq!(change_role(&admin, to(agent_seat, Role::Viewer)).await.unwrap().role, Role::Viewer);
    assert_eq!(change_role(&ada, to(agent_seat, Role::Owner)).await.unwrap().role, Role::Owner);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let seat = seat_of(&ada).await;
    assert_eq!(
        refused(change_role(&ada, to(seat, Role::Admin)).await, Code::Conflict),
        ["input", "membershipId"]
    );
    refused(remove_member(&ada, gone(seat)).await, Code::Conflict);
    let bob = door.member(&ada, "bob@example.com", Role::Owner).await;
    let (a, b) = (seat, seat_of(&bob).await);
    let (first, second) = tokio::join!(remove_member(&ada, gone(b)), remove_member(&bob, gone(a)));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "one of two owners remains");
}

#[tokio::test]
async fn a_removed_member_is_out_at_once_and_everybody_can_leave() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.member(&ada, "bob@example.com", Role::Viewer).await;
    let carol = door.member(&ada, "carol@example.com", Role::Agent).await;
    remove_member(&ada, gone(seat_of(&bob).await)).await.unwrap();
    let seat = seat_of(&carol).await;
    remove_member(&carol, gone(seat)).await.unwrap();
    for former in [&bob, &carol] {
        let again = door.now(former).await;
        refused(again, Code::Unauthenticated);
    }
    let nowhere = sign_in(&door.stranger(), signing_in("bob@example.com", PASSWORD)).await;
    refused(nowhere, Code::Forbidden);
    refused(remove_member(&ada, gone(seat)).await, Code::NotFound);
}

#[tokio::test]
async fn foreign_members_are_missing_ones() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let eve = door.owner("eve@example.com").await;
    let seat = seat_of(&ada).await;
    let foreign = change_role(&eve, to(seat, Role::Viewer)).await.unwrap_err();
    let missing = change_role(&eve, to(MembershipId::new(), Role::Viewer)).await.unwrap_err();
    assert_eq!((foreign.code, &foreign.message), (missing.code, &missing.message));
    refused(remove_member(&eve, gone(seat)).await, Code::NotFound);
}

#[tokio::test]
async fn the_list_of_members_is_one_organisations() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.member(&ada, "bob@example.com", Role::Viewer).await;
    let eve = door.owner("eve@example.com").await;
    let first = page(&bob, PageArgs::new(Some(1), None, None, None).unwrap()).await.unwrap();
    assert!(first.has_next);
    let (cursor, row) = &first.rows[0];
    assert_eq!(row.id, seat_of(&ada).await);
    let after = || PageArgs::new(None, None, Some(cursor.clone()), None).unwrap();
    let second = page(&bob, after()).await.unwrap();
    assert_eq!(second.rows.iter().map(|(_, row)| row.id).collect::<Vec<_>>(), [seat_of(&bob).await]);
    refused(page(&eve, after()).await, Code::InvalidCursor);
}

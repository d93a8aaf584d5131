//! `changeRole` and `removeMember`: who may do what in an organisation. It always keeps an owner.

use async_graphql::InputObject;
use entity::{
    Tenanted,
    enums::Role,
    ids::{MembershipId, OrganizationId},
    membership, organization,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Set, sea_query::LockType,
};
use serde_json::json;

use super::{
    invite,
    sessions::{self, Which},
};
use crate::{
    base::{
        audit,
        caller::{Caller, Permission},
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        tx::Tx,
    },
    graphql::page::{self, Page, PageArgs, Sort},
};

/// A member's new role.
#[derive(Debug, InputObject)]
pub struct ChangeRoleInput {
    /// Whose, in the caller's organisation.
    pub membership_id: MembershipId,
    /// The role from now on. Only an owner appoints or demotes owners.
    pub role: Role,
}

/// Gives a member another role, from their next request on. `CONFLICT` for the last owner.
pub async fn change_role(ctx: &Ctx, input: ChangeRoleInput) -> Result<membership::Model> {
    let organization = ctx.require(Permission::MembersManage)?;
    let tx = ctx.begin().await?;
    let member = find_locked(&tx, organization, input.membership_id).await?;
    may_touch(ctx, &[member.role, input.role])?;
    if input.role != Role::Owner {
        keep_an_owner(&tx, &member).await?;
    }
    let before = member.role;
    let mut row = member.into_active_model();
    row.role = Set(input.role);
    let member = row.update(&*tx).await?;
    tx.revokes();
    invite::withdraw_of(&tx, organization, member.user_id, Some(member.role)).await?;
    let detail = json!({ "user": member.user_id, "from": before, "to": member.role });
    audit::record(ctx, &*tx, "changeRole", Some(member.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(member)
}

/// Whom to remove.
#[derive(Debug, InputObject)]
pub struct RemoveMemberInput {
    /// Who, in the caller's organisation. Everybody can remove themselves; only an owner removes owners.
    pub membership_id: MembershipId,
}

/// Takes a member out: their sessions here end, their open invitations are withdrawn. Keys that they made belong to
/// the organisation and stay. `CONFLICT` for the last owner.
pub async fn remove_member(ctx: &Ctx, input: RemoveMemberInput) -> Result<membership::Model> {
    let organization = ctx.organization()?;
    let tx = ctx.begin().await?;
    let member = find_locked(&tx, organization, input.membership_id).await?;
    if ctx.caller.user_id() != Some(member.user_id) {
        ctx.require(Permission::MembersManage)?;
        may_touch(ctx, &[member.role])?;
    }
    keep_an_owner(&tx, &member).await?;
    member.clone().delete(&*tx).await?;
    let ended = sessions::revoke(ctx, &tx, Which::In(organization, member.user_id)).await?;
    invite::withdraw_of(&tx, organization, member.user_id, None).await?;
    let detail = json!({ "user": member.user_id, "role": member.role, "sessionsEnded": ended });
    audit::record(ctx, &*tx, "removeMember", Some(member.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(member)
}

/// The organisation's members, those first who joined first. For people, not for keys: members have e-mail addresses.
pub async fn page(ctx: &Ctx, args: PageArgs) -> Result<Page<membership::Entity>> {
    let organization = ctx.caller.member()?.organization_id;
    let sort = Sort { key: membership::Column::CreatedAt, id: membership::Column::Id, descending: false };
    page::fetch(ctx, "members", membership::Entity::in_org(organization), sort, args).await
}

/// `FORBIDDEN` when one of the roles is OWNER and the caller is not: owners are made and unmade by owners.
pub(super) fn may_touch(ctx: &Ctx, roles: &[Role]) -> Result<()> {
    let is_owner = match &ctx.caller {
        Caller::Member(member) => member.role == Role::Owner,
        caller => matches!(caller, Caller::Administrator),
    };
    if is_owner || !roles.contains(&Role::Owner) {
        return Ok(());
    }
    Err(Error::forbidden("Only an owner appoints, demotes or removes owners."))
}

/// Finds a member under the organisation's lock, so that two owners cannot remove each other at once.
async fn find_locked(tx: &Tx, organization: OrganizationId, id: MembershipId) -> Result<membership::Model> {
    organization::Entity::find_by_id(organization).lock(LockType::NoKeyUpdate).one(&**tx).await?;
    membership::Entity::in_org(organization)
        .filter(membership::Column::Id.eq(id))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found().at(&["membershipId"]))
}

async fn keep_an_owner(tx: &Tx, leaving: &membership::Model) -> Result<()> {
    if leaving.role != Role::Owner {
        return Ok(());
    }
    let owners =
        membership::Entity::in_org(leaving.organization_id).filter(membership::Column::Role.eq(Role::Owner));
    if owners.count(&**tx).await? > 1 {
        return Ok(());
    }
    let text = "This is the last owner. Appoint another one first.";
    Err(Error::new(ErrorCode::Conflict, text).at(&["membershipId"]))
}

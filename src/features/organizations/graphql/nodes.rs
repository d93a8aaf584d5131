//! What `node(id:)` finds of this feature. What the caller's organisation does not have answers as missing.

use entity::{
    Tenanted, api_key,
    ids::{ApiKeyId, InvitationId, MembershipId, OrganizationId, UserId},
    invitation, membership, user,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::types::{ApiKey, Invitation, Membership, Organization, User};
use crate::{
    base::{caller::Permission, ctx::Ctx, error::Result},
    features::organizations::organization as organizations,
};

/// The caller's own organisation.
pub async fn organization(ctx: &Ctx, id: OrganizationId) -> Result<Option<Organization>> {
    if ctx.organization()? != id {
        return Ok(None);
    }
    organizations::find(ctx.db(), id).await.map(Organization).map(Some)
}

/// A member of the caller's organisation as a person.
pub async fn user(ctx: &Ctx, id: UserId) -> Result<Option<User>> {
    let organization = ctx.caller.member()?.organization_id;
    let seats = membership::Entity::in_org(organization).filter(membership::Column::UserId.eq(id));
    if seats.count(ctx.db()).await? == 0 {
        return Ok(None);
    }
    Ok(user::Entity::find_by_id(id).one(ctx.db()).await?.map(User))
}

/// A seat in the caller's organisation.
pub async fn membership(ctx: &Ctx, id: MembershipId) -> Result<Option<Membership>> {
    let organization = ctx.caller.member()?.organization_id;
    let seats = membership::Entity::in_org(organization).filter(membership::Column::Id.eq(id));
    Ok(seats.one(ctx.db()).await?.map(Membership))
}

/// An invitation of the caller's organisation, for those who manage members.
pub async fn invitation(ctx: &Ctx, id: InvitationId) -> Result<Option<Invitation>> {
    let organization = ctx.require(Permission::MembersManage)?;
    let invitations = invitation::Entity::in_org(organization).filter(invitation::Column::Id.eq(id));
    Ok(invitations.one(ctx.db()).await?.map(Invitation))
}

/// A key of the caller's organisation, for those who manage keys.
pub async fn api_key(ctx: &Ctx, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let organization = ctx.require(Permission::MembersManage)?;
    let keys = api_key::Entity::in_org(organization).filter(api_key::Column::Id.eq(id));
    Ok(keys.one(ctx.db()).await?.map(ApiKey))
}

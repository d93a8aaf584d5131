//! `inviteMember` and `revokeInvitation`: links that let a person join. No mail is sent: the link is shown once, to
//! whoever invites.

use async_graphql::InputObject;
use chrono::Duration;
use entity::{
    Tenanted,
    enums::Role,
    ids::{InvitationId, OrganizationId, UserId},
    invitation, membership,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, ModelTrait, PaginatorTrait, QueryFilter, Set};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{accounts, email::Email, members};
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        tokens,
        tx::Tx,
    },
    graphql::page::{self, Page, PageArgs, Sort},
};

/// Life of an invitation.
const GOOD_FOR: Duration = Duration::days(7);

/// Whom to invite.
#[derive(InputObject)]
pub struct InviteMemberInput {
    /// Address of the person; the invitation is for an account with this address alone.
    pub email: String,
    /// The role on joining. Only an owner can invite owners.
    pub role: Role,
}

/// An invitation and what its recipient needs, shown once.
#[derive(Debug)]
pub struct Invited {
    /// The row.
    pub invitation: invitation::Model,
    /// For `acceptInvitation`.
    pub token: SecretString,
    /// The token behind the public address, in the fragment, so that it stays out of servers' logs.
    pub link: SecretString,
}

/// Invites a person to the caller's organisation; an open invitation to the same address ends. `CONFLICT` for a member.
pub async fn invite(ctx: &Ctx, input: InviteMemberInput) -> Result<Invited> {
    let organization_id = ctx.require(Permission::MembersManage)?;
    members::may_touch(ctx, &[input.role])?;
    let email = Email::parse(&input.email)?;
    let new = NewInvitation { organization_id, email, role: input.role, invited_by: ctx.caller.user_id() };
    let tx = ctx.begin().await?;
    let invited = issue(ctx, &tx, new).await?;
    let detail = json!({ "role": invited.invitation.role });
    audit::record(ctx, &*tx, "inviteMember", Some(invited.invitation.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(invited)
}

/// Which invitation to withdraw.
#[derive(Debug, InputObject)]
pub struct RevokeInvitationInput {
    /// An invitation that nobody accepted yet.
    pub invitation_id: InvitationId,
}

/// Withdraws an open invitation: its link no longer works.
pub async fn revoke(ctx: &Ctx, input: RevokeInvitationInput) -> Result<invitation::Model> {
    let organization = ctx.require(Permission::MembersManage)?;
    let tx = ctx.begin().await?;
    let row = invitation::Entity::in_org(organization)
        .filter(invitation::Column::Id.eq(input.invitation_id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found().at(&["invitationId"]))?;
    row.clone().delete(&*tx).await?;
    audit::record(ctx, &*tx, "revokeInvitation", Some(row.id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(row)
}

/// The organisation's invitations, newest first, accepted and expired ones too.
pub async fn page(ctx: &Ctx, args: PageArgs) -> Result<Page<invitation::Entity>> {
    let organization = ctx.require(Permission::MembersManage)?;
    let sort = Sort { key: invitation::Column::CreatedAt, id: invitation::Column::Id, descending: true };
    page::fetch(ctx, "invitations", invitation::Entity::in_org(organization), sort, args).await
}

/// An invitation that is not yet there.
pub(super) struct NewInvitation {
    pub(super) organization_id: OrganizationId,
    pub(super) email: Email,
    pub(super) role: Role,
    pub(super) invited_by: Option<UserId>,
}

/// Writes an invitation in the place of earlier open ones to the same address.
pub(super) async fn issue(ctx: &Ctx, tx: &Tx, new: NewInvitation) -> Result<Invited> {
    if is_member(tx, new.organization_id, &new.email).await? {
        return Err(Error::new(ErrorCode::Conflict, "This person is a member already.").at(&["email"]));
    }
    invitation::Entity::delete_many()
        .filter(invitation::Column::OrganizationId.eq(new.organization_id))
        .filter(invitation::Column::Email.eq(new.email.as_str()))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(&**tx)
        .await?;
    let token = tokens::random();
    let row = invitation::ActiveModel {
        id: Set(InvitationId::new()),
        organization_id: Set(new.organization_id),
        email: Set(new.email.as_str().to_owned()),
        role: Set(new.role),
        token_hash: Set(tokens::hash(&token)),
        invited_by: Set(new.invited_by),
        created_at: Set(ctx.now()),
        expires_at: Set(ctx.now() + GOOD_FOR),
        accepted_at: Set(None),
    };
    let token = SecretString::from(token);
    Ok(Invited { invitation: row.insert(&**tx).await?, link: link(ctx, "invitation", &token), token })
}

/// Withdraws what a person invited beyond their role; all of it once they are no member any more (`left` is `None`).
/// A way back in, or up, must not outlive the right to open it.
pub(super) async fn withdraw_of(
    tx: &Tx,
    organization: OrganizationId,
    inviter: UserId,
    left: Option<Role>,
) -> Result<()> {
    let open = invitation::Entity::delete_many()
        .filter(invitation::Column::OrganizationId.eq(organization))
        .filter(invitation::Column::InvitedBy.eq(inviter))
        .filter(invitation::Column::AcceptedAt.is_null());
    let beyond = match left {
        Some(Role::Owner) => return Ok(()),
        Some(Role::Admin) => open.filter(invitation::Column::Role.eq(Role::Owner)),
        _ => open,
    };
    beyond.exec(&**tx).await?;
    Ok(())
}

/// A link under the public address with the token in its fragment.
pub(super) fn link(ctx: &Ctx, purpose: &str, token: &SecretString) -> SecretString {
    let mut url = ctx.hub.config.public_url.clone();
    url.set_fragment(Some(&format!("{purpose}={}", token.expose_secret())));
    String::from(url).into()
}

async fn is_member(tx: &Tx, organization: OrganizationId, email: &Email) -> Result<bool> {
    let Some(user) = accounts::by_email(&**tx, email).await? else { return Ok(false) };
    let seats = membership::Entity::in_org(organization).filter(membership::Column::UserId.eq(user.id));
    Ok(seats.count(&**tx).await? > 0)
}

//! `switchOrganization`: this device goes on in another organisation of the same person.

use async_graphql::InputObject;
use entity::{ids::OrganizationId, session};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::{
    seat,
    sessions::{self, SignedIn},
};
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, Result},
};

/// Where to go on.
#[derive(Debug, InputObject)]
pub struct SwitchOrganizationInput {
    /// An organisation that the caller is a member of.
    pub organization_id: OrganizationId,
}

/// Moves the session: its earlier tokens no longer count. It stays one family, so that a stolen access token cannot
/// be made into a lasting session beside it unseen. `NOT_FOUND` where the caller is no member.
pub async fn switch_organization(ctx: &Ctx, input: SwitchOrganizationInput) -> Result<SignedIn> {
    let member = ctx.caller.member()?;
    let from = member.organization_id;
    let tx = ctx.begin().await?;
    session::Entity::find_by_id(member.session_id)
        .filter(session::Column::RevokedAt.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(Error::unauthenticated)?;
    let seat = seat::of(&*tx, member.user_id, input.organization_id)
        .await?
        .ok_or_else(|| Error::not_found().at(&["organizationId"]))?;
    tx.revokes();
    let (signed_in, ctx) = sessions::renew(ctx, &tx, member.session_id, seat).await?;
    let subject = Some(member.session_id.to_string());
    audit::record(&ctx, &*tx, "switchOrganization", subject, json!({ "from": from })).await?;
    tx.commit().await?;
    Ok(signed_in)
}

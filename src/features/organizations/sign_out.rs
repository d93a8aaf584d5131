//! `signOut`: ends this device's session, or all of the person's.

use async_graphql::InputObject;
use serde_json::json;

use super::sessions::{self, Which};
use crate::base::{audit, ctx::Ctx, error::Result};

/// How far to sign out.
#[derive(Debug, Default, InputObject)]
pub struct SignOutInput {
    /// End every session of this account, on all devices and in all organisations.
    #[graphql(default)]
    pub everywhere: bool,
}

/// Ends the caller's session or sessions; gives how many.
pub async fn sign_out(ctx: &Ctx, input: SignOutInput) -> Result<u64> {
    let member = ctx.caller.member()?;
    let which = if input.everywhere { Which::AllOf(member.user_id) } else { Which::One(member.session_id) };
    let tx = ctx.begin().await?;
    let ended = sessions::revoke(ctx, &tx, which).await?;
    let detail = json!({ "everywhere": input.everywhere, "ended": ended });
    audit::record(ctx, &*tx, "signOut", Some(member.session_id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(ended)
}

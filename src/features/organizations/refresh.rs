//! `refreshSession`: one refresh token for the next. A token shown twice means that two have it: the family ends.

use async_graphql::InputObject;
use entity::{ids::SessionId, refresh_token, session};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use super::{
    seat::{self, Seat},
    sessions::{self, SignedIn, Which},
};
use crate::base::{
    audit::{self, Entry},
    ctx::Ctx,
    error::{Error, Result},
    tokens,
    tx::Tx,
};

/// The token to trade.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The last refresh token that this device was given.
    pub refresh_token: String,
}

/// Trades a refresh token for fresh tokens. `UNAUTHENTICATED` when it is unknown, spent or of an ended session; a spent
/// one ends the session for everybody who holds tokens of it. A lost answer is no excuse: sign in again.
pub async fn refresh(ctx: &Ctx, input: RefreshSessionInput) -> Result<SignedIn> {
    let token = refresh_token::Entity::find()
        .filter(refresh_token::Column::TokenHash.eq(tokens::hash(&input.refresh_token)))
        .one(ctx.db())
        .await?
        .ok_or_else(Error::unauthenticated)?;
    let tx = ctx.begin().await?;
    let session = live_session(ctx, &tx, token.session_id).await?.ok_or_else(Error::unauthenticated)?;
    if !spend(ctx, &tx, &token).await? {
        end_family(ctx, tx, &session).await?;
        return Err(Error::unauthenticated());
    }
    let seat: Seat =
        seat::of(&*tx, session.user_id, session.organization_id).await?.ok_or_else(Error::unauthenticated)?;
    forget_old(ctx, &tx, session.id).await?;
    let (signed_in, ctx) = sessions::renew(ctx, &tx, session.id, seat).await?;
    audit::record(&ctx, &*tx, "refreshSession", Some(session.id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Locks the session, so that two refreshes or a switch follow each other.
async fn live_session(ctx: &Ctx, tx: &Tx, id: SessionId) -> Result<Option<session::Model>> {
    Ok(session::Entity::find_by_id(id)
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(ctx.now()))
        .lock_exclusive()
        .one(&**tx)
        .await?)
}

/// One winner: the update itself is the check.
async fn spend(ctx: &Ctx, tx: &Tx, token: &refresh_token::Model) -> Result<bool> {
    let spent = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Some(ctx.now()).into())
        .filter(refresh_token::Column::Id.eq(token.id))
        .filter(refresh_token::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

async fn end_family(ctx: &Ctx, tx: Tx, session: &session::Model) -> Result<()> {
    sessions::revoke(ctx, &tx, Which::One(session.id)).await?;
    let entry = Entry {
        action: "refreshTokenReused",
        subject: Some(session.id.to_string()),
        detail: json!({ "user": session.user_id }),
    };
    audit::record_in(ctx, &*tx, Some(session.organization_id), entry).await?;
    tx.commit().await
}

/// Spent tokens older than a session may rest are no longer recognised, so that a device of years keeps few rows.
async fn forget_old(ctx: &Ctx, tx: &Tx, session: SessionId) -> Result<()> {
    refresh_token::Entity::delete_many()
        .filter(refresh_token::Column::SessionId.eq(session))
        .filter(refresh_token::Column::UsedAt.lt(ctx.now() - ctx.hub.config.accounts.refresh_token_ttl))
        .exec(&**tx)
        .await?;
    Ok(())
}

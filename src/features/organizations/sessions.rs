//! Sessions: one signed-in device each, with one live refresh token at a time. Decides nothing about who may have one.

use chrono::{DateTime, Utc};
use entity::{
    ids::{OrganizationId, RefreshTokenId, SessionId, UserId},
    organization, refresh_token, session, user,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, Condition, EntityTrait, QueryFilter, Set};
use secrecy::SecretString;

use super::seat::Seat;
use crate::base::{
    caller::{Caller, Member},
    ctx::Ctx,
    error::Result,
    tokens::{self, Grant},
    tx::Tx,
};

/// What a device keeps after signing in: shown once, stored as hashes.
#[derive(Debug)]
pub struct SignedIn {
    /// For the `Authorization` header, until `access_token_expires_at`.
    pub access_token: SecretString,
    /// When to have refreshed by.
    pub access_token_expires_at: DateTime<Utc>,
    /// Good for one `refreshSession`.
    pub refresh_token: SecretString,
    /// The organisation that these tokens act in.
    pub organization: organization::Model,
    /// Who signed in.
    pub user: user::Model,
}

/// Opens a session and gives the context of the person who now acts, for the audit log.
pub async fn open(ctx: &Ctx, tx: &Tx, seat: Seat) -> Result<(SignedIn, Ctx)> {
    let id = SessionId::new();
    let row = session::ActiveModel {
        id: Set(id),
        user_id: Set(seat.user.id),
        organization_id: Set(seat.organization.id),
        created_at: Set(ctx.now()),
        expires_at: Set(refreshable_until(ctx)),
        revoked_at: Set(None),
    };
    row.insert(&**tx).await?;
    give_tokens(ctx, tx, id, seat).await
}

/// Lets an open session live on in `seat`: its earlier refresh tokens are spent, so that whoever shows one later is
/// told as a thief or his victim.
pub async fn renew(ctx: &Ctx, tx: &Tx, id: SessionId, seat: Seat) -> Result<(SignedIn, Ctx)> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Some(ctx.now()).into())
        .filter(refresh_token::Column::SessionId.eq(id))
        .filter(refresh_token::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    let row = session::ActiveModel {
        id: Set(id),
        organization_id: Set(seat.organization.id),
        expires_at: Set(refreshable_until(ctx)),
        ..Default::default()
    };
    row.update(&**tx).await?;
    give_tokens(ctx, tx, id, seat).await
}

/// Which sessions to end.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// One device.
    One(SessionId),
    /// All devices of a user.
    AllOf(UserId),
    /// All devices of a user but one.
    OthersOf(UserId, SessionId),
    /// The devices of a user that act in one organisation.
    In(OrganizationId, UserId),
}

/// Ends sessions: their refresh tokens at once, their access tokens with the next request, open sockets within seconds.
pub async fn revoke(ctx: &Ctx, tx: &Tx, which: Which) -> Result<u64> {
    use session::Column as C;
    let condition = match which {
        Which::One(id) => Condition::all().add(C::Id.eq(id)),
        Which::AllOf(user) => Condition::all().add(C::UserId.eq(user)),
        Which::OthersOf(user, kept) => Condition::all().add(C::UserId.eq(user)).add(C::Id.ne(kept)),
        Which::In(organization, user) => {
            Condition::all().add(C::UserId.eq(user)).add(C::OrganizationId.eq(organization))
        }
    };
    tx.revokes();
    let ended = session::Entity::update_many()
        .col_expr(C::RevokedAt, Some(ctx.now()).into())
        .filter(condition)
        .filter(C::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(ended.rows_affected)
}

async fn give_tokens(ctx: &Ctx, tx: &Tx, session: SessionId, seat: Seat) -> Result<(SignedIn, Ctx)> {
    let refresh_token = tokens::random();
    let row = refresh_token::ActiveModel {
        id: Set(RefreshTokenId::new()),
        session_id: Set(session),
        token_hash: Set(tokens::hash(&refresh_token)),
        created_at: Set(ctx.now()),
        used_at: Set(None),
    };
    row.insert(&**tx).await?;
    let Seat { user, organization, role } = seat;
    let grant = Grant { user_id: user.id, organization_id: organization.id, session_id: session };
    let ttl = ctx.hub.config.accounts.access_token_ttl;
    let access_token = tokens::issue(&ctx.hub.token_keys, grant, ctx.now(), ttl)?;
    let expires_at = tokens::verify(&ctx.hub.token_keys, &access_token, ctx.now())?.expires_at();
    let member = Member {
        user_id: user.id,
        organization_id: organization.id,
        role,
        is_operator: user.is_operator,
        session_id: session,
        expires_at,
    };
    let signed_in = SignedIn {
        access_token: access_token.into(),
        access_token_expires_at: expires_at,
        refresh_token: refresh_token.into(),
        organization,
        user,
    };
    Ok((signed_in, Ctx { caller: Caller::Member(member), ..ctx.clone() }))
}

fn refreshable_until(ctx: &Ctx) -> DateTime<Utc> {
    ctx.now() + ctx.hub.config.accounts.refresh_token_ttl
}

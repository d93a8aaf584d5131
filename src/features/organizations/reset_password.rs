//! `resetPassword`: whoever holds the link chooses a new password, once. Links are made by `phonehub admin`.

use async_graphql::InputObject;
use chrono::Duration;
use entity::{
    ids::{PasswordResetId, UserId},
    password_reset, user,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use secrecy::SecretString;
use serde_json::json;

use super::{
    change_password::set_password,
    password::NewPassword,
    sessions::{self, Which},
};
use crate::base::{
    audit::{self, Entry},
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tokens,
    tx::Tx,
};

/// Life of a link.
const GOOD_FOR: Duration = Duration::hours(24);

/// The link's token and the new password.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// From the link.
    pub token: String,
    /// 10 to 256 characters, not the e-mail address.
    pub new_password: String,
}

/// Sets a new password and ends every session of the user. `NOT_FOUND` for a link that is unknown, used or too old.
pub async fn reset_password(ctx: &Ctx, input: ResetPasswordInput) -> Result<user::Model> {
    let link = password_reset::Entity::find()
        .filter(password_reset::Column::TokenHash.eq(tokens::hash(&input.token)))
        .filter(password_reset::Column::UsedAt.is_null())
        .filter(password_reset::Column::ExpiresAt.gt(ctx.now()))
        .one(ctx.db())
        .await?
        .ok_or_else(useless)?;
    let user = user::Entity::find_by_id(link.user_id).one(ctx.db()).await?.ok_or_else(useless)?;
    let password = NewPassword::parse(&input.new_password, &user.email, "newPassword")?;
    let password_hash = password.hash().await?;

    let tx = ctx.begin().await?;
    if !spend(ctx, &tx, link.id).await? {
        return Err(useless());
    }
    let user = set_password(ctx, &tx, user.id, password_hash).await?;
    let ended = sessions::revoke(ctx, &tx, Which::AllOf(user.id)).await?;
    let detail = json!({ "sessionsEnded": ended });
    let entry = Entry { action: "resetPassword", subject: Some(user.id.to_string()), detail };
    audit::record_in(ctx, &*tx, None, entry).await?;
    tx.commit().await?;
    Ok(user)
}

/// Makes a link's token, to be shown once.
pub(super) async fn issue(ctx: &Ctx, tx: &Tx, user: UserId) -> Result<SecretString> {
    let token = tokens::random();
    let row = password_reset::ActiveModel {
        id: Set(PasswordResetId::new()),
        user_id: Set(user),
        token_hash: Set(tokens::hash(&token)),
        created_at: Set(ctx.now()),
        expires_at: Set(ctx.now() + GOOD_FOR),
        used_at: Set(None),
    };
    row.insert(&**tx).await?;
    Ok(token.into())
}

/// One winner: the update itself is the check.
async fn spend(ctx: &Ctx, tx: &Tx, id: PasswordResetId) -> Result<bool> {
    let spent = password_reset::Entity::update_many()
        .col_expr(password_reset::Column::UsedAt, Some(ctx.now()).into())
        .filter(password_reset::Column::Id.eq(id))
        .filter(password_reset::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

fn useless() -> Error {
    Error::new(ErrorCode::NotFound, "This link was used already, is too old or never existed.").at(&["token"])
}

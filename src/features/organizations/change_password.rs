//! `changePassword`: the signed-in person chooses a new password; every other device must sign in again.

use async_graphql::InputObject;
use entity::{ids::UserId, password_reset, user};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use serde_json::json;

use super::{
    email::Email,
    password::NewPassword,
    sessions::{self, Which},
    sign_in,
};
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, Result},
    tx::Tx,
};

/// The old password and the new one.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
    pub current_password: String,
    /// 10 to 256 characters, not the e-mail address.
    pub new_password: String,
}

/// Changes the caller's password, ends their other sessions and makes open reset links useless. Wrong current
/// passwords are throttled as in signing in, since a stolen access token must not become an oracle.
pub async fn change_password(ctx: &Ctx, input: ChangePasswordInput) -> Result<user::Model> {
    let member = ctx.caller.member()?;
    let user = user::Entity::find_by_id(member.user_id).one(ctx.db()).await?;
    let user = user.ok_or_else(Error::unauthenticated)?;
    let password = NewPassword::parse(&input.new_password, &user.email, "newPassword")?;
    let proof = sign_in::prove(ctx, &Email::parse(&user.email)?, &input.current_password).await?;
    let proof =
        proof.ok_or_else(|| Error::input(&["currentPassword"], "This is not the current password."))?;
    let password_hash = password.hash().await?;

    let tx = ctx.begin().await?;
    proof.settle(&tx).await?;
    let user = set_password(ctx, &tx, user.id, password_hash).await?;
    let ended = sessions::revoke(ctx, &tx, Which::OthersOf(user.id, member.session_id)).await?;
    let detail = json!({ "otherSessionsEnded": ended });
    audit::record(ctx, &*tx, "changePassword", Some(user.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(user)
}

/// Writes the new hash; every open reset link of the user becomes useless.
pub(super) async fn set_password(
    ctx: &Ctx,
    tx: &Tx,
    id: UserId,
    password_hash: String,
) -> Result<user::Model> {
    let row = user::ActiveModel {
        id: Set(id),
        password_hash: Set(password_hash),
        updated_at: Set(ctx.now()),
        ..Default::default()
    };
    let user = row.update(&**tx).await?;
    password_reset::Entity::update_many()
        .col_expr(password_reset::Column::UsedAt, Some(ctx.now()).into())
        .filter(password_reset::Column::UserId.eq(id))
        .filter(password_reset::Column::UsedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(user)
}

//! Rows of users and memberships as every way in makes them: sign-up, invitation, command line.

use entity::{
    enums::Role,
    ids::{MembershipId, OrganizationId, UserId},
    membership, user,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::email::Email;
use crate::base::{
    ctx::Ctx,
    error::{Error, ErrorCode, Result, is_unique_violation},
    tx::Tx,
};

/// A person who is not yet known.
#[derive(Debug)]
pub struct NewUser {
    /// The sign-in name.
    pub email: Email,
    /// Checked by `name::parse`.
    pub name: String,
    /// From `NewPassword::hash`.
    pub password_hash: String,
}

/// Makes a user; `CONFLICT` when the e-mail address is taken.
pub async fn create_user(ctx: &Ctx, tx: &Tx, new: NewUser) -> Result<user::Model> {
    let row = user::ActiveModel {
        id: Set(UserId::new()),
        email: Set(new.email.as_str().to_owned()),
        name: Set(new.name),
        phone: Set(None),
        password_hash: Set(new.password_hash),
        is_operator: Set(false),
        created_at: Set(ctx.now()),
        updated_at: Set(ctx.now()),
    };
    row.insert(&**tx).await.map_err(|error| {
        if is_unique_violation(&error) {
            return Error::new(ErrorCode::Conflict, "There is an account with this e-mail address.")
                .at(&["email"]);
        }
        error.into()
    })
}

/// Gives a user a place in an organisation; `CONFLICT` when there is one already.
pub async fn join(
    ctx: &Ctx,
    tx: &Tx,
    organization: OrganizationId,
    user: UserId,
    role: Role,
) -> Result<membership::Model> {
    let row = membership::ActiveModel {
        id: Set(MembershipId::new()),
        organization_id: Set(organization),
        user_id: Set(user),
        role: Set(role),
        created_at: Set(ctx.now()),
    };
    row.insert(&**tx).await.map_err(|error| {
        if is_unique_violation(&error) {
            return Error::new(ErrorCode::Conflict, "This person is a member already.").at(&["email"]);
        }
        error.into()
    })
}

/// The user with this sign-in name.
pub async fn by_email(db: &impl ConnectionTrait, email: &Email) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email.as_str())).one(db).await?)
}

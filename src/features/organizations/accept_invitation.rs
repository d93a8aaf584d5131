//! `acceptInvitation`: a link and a password become a membership and a session. Who has an account proves its password;
//! who has none makes one.

use async_graphql::InputObject;
use entity::{invitation, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{
    accounts::{self, NewUser},
    email::Email,
    name, organization,
    password::NewPassword,
    seat::Seat,
    sessions::{self, SignedIn},
    sign_in::{self, Proof},
};
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tokens,
    tx::Tx,
};

/// The link's token and who follows it.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// From the link.
    pub token: String,
    /// The password of the account with the invited address; without such an account, the new one's.
    pub password: String,
    /// What other members see, 1 to 200 characters: needed where there is no account yet, ignored where there is.
    pub name: Option<String>,
}

/// Joins and signs in. `NOT_FOUND` for a link that is unknown, used, withdrawn or too old.
pub async fn accept_invitation(ctx: &Ctx, input: AcceptInvitationInput) -> Result<SignedIn> {
    let invitation = open_invitation(ctx, &input.token).await?;
    let joiner = Joiner::of(ctx, Email::parse(&invitation.email)?, input).await?;
    let tx = ctx.begin().await?;
    spend(ctx, &tx, &invitation).await?;
    let user = joiner.user(ctx, &tx).await?;
    accounts::join(ctx, &tx, invitation.organization_id, user.id, invitation.role).await?;
    let organization = organization::find(&*tx, invitation.organization_id).await?;
    let seat = Seat { user, organization, role: invitation.role };
    let (signed_in, ctx) = sessions::open(ctx, &tx, seat).await?;
    let detail = json!({ "role": invitation.role });
    audit::record(&ctx, &*tx, "acceptInvitation", Some(invitation.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Who follows the link, proven or ready to be made; the slow work is done before the transaction.
enum Joiner {
    Known(Proof),
    New(NewUser),
}

impl Joiner {
    async fn of(ctx: &Ctx, email: Email, input: AcceptInvitationInput) -> Result<Self> {
        if accounts::by_email(ctx.db(), &email).await?.is_some() {
            let proof = sign_in::prove(ctx, &email, &input.password).await?;
            let wrong = || Error::input(&["password"], "This is not the password of the invited account.");
            return proof.map(Self::Known).ok_or_else(wrong);
        }
        let name = name::parse(input.name.as_deref().unwrap_or_default(), "name")?;
        let password = NewPassword::parse(&input.password, email.as_str(), "password")?;
        let password_hash = password.hash().await?;
        Ok(Self::New(NewUser { email, name, password_hash }))
    }

    async fn user(self, ctx: &Ctx, tx: &Tx) -> Result<user::Model> {
        match self {
            Self::Known(proof) => proof.settle(tx).await.map(|()| proof.user),
            Self::New(new) => accounts::create_user(ctx, tx, new).await,
        }
    }
}

async fn open_invitation(ctx: &Ctx, token: &str) -> Result<invitation::Model> {
    invitation::Entity::find()
        .filter(invitation::Column::TokenHash.eq(tokens::hash(token)))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(ctx.now()))
        .one(ctx.db())
        .await?
        .ok_or_else(useless)
}

/// One winner: the update itself is the check.
async fn spend(ctx: &Ctx, tx: &Tx, invitation: &invitation::Model) -> Result<()> {
    let spent = invitation::Entity::update_many()
        .col_expr(invitation::Column::AcceptedAt, Some(ctx.now()).into())
        .filter(invitation::Column::Id.eq(invitation.id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(&**tx)
        .await?;
    if spent.rows_affected == 1 { Ok(()) } else { Err(useless()) }
}

fn useless() -> Error {
    let text = "This invitation was used already, was withdrawn, is too old or never existed.";
    Error::new(ErrorCode::NotFound, text).at(&["token"])
}

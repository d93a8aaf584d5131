//! `signIn`: from e-mail and password to a session. An unknown e-mail costs and answers exactly as a wrong password.

use async_graphql::InputObject;
use entity::{ids::OrganizationId, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};
use serde_json::json;

use super::{
    accounts,
    email::Email,
    password,
    seat::{self, Seat},
    sessions::{self, SignedIn},
    throttle::{self, Bucket},
};
use crate::base::{
    audit::{self, Entry},
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// Who signs in, and where.
#[derive(InputObject)]
pub struct SignInInput {
    /// The account's e-mail address, in any case.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The organisation to act in; the one that was joined first when not given.
    pub organization_id: Option<OrganizationId>,
}

/// Signs in. `RATE_LIMITED` after too many wrong tries.
pub async fn sign_in(ctx: &Ctx, input: SignInInput) -> Result<SignedIn> {
    let email = Email::parse(&input.email)?;
    let proof = prove(ctx, &email, &input.password).await?.ok_or_else(wrong)?;
    let seat = choose_seat(ctx, proof.user.clone(), input.organization_id).await?;
    let tx = ctx.begin().await?;
    proof.settle(&tx).await?;
    let (signed_in, ctx) = sessions::open(ctx, &tx, seat).await?;
    let subject = Some(signed_in.user.id.to_string());
    audit::record(&ctx, &*tx, "signIn", subject, json!({})).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Somebody who knew the password; the try still counts until [`Proof::settle`].
pub struct Proof {
    /// Whose password it was.
    pub user: user::Model,
    tries: Vec<Bucket>,
}

impl Proof {
    /// Takes the try back, and holds the user against a password change that would overtake this.
    pub async fn settle(&self, tx: &Tx) -> Result<()> {
        throttle::absolve(tx, &self.tries).await?;
        let unchanged = user::Entity::find_by_id(self.user.id)
            .filter(user::Column::PasswordHash.eq(self.user.password_hash.as_str()))
            .lock(LockType::NoKeyUpdate)
            .one(&**tx)
            .await?;
        unchanged.map(|_| ()).ok_or_else(wrong)
    }
}

/// Checks a password; `None` for a wrong one and for an unknown e-mail, which is counted and written down.
pub async fn prove(ctx: &Ctx, email: &Email, given: &str) -> Result<Option<Proof>> {
    let tries = throttle::password(email.as_str(), ctx.request.ip);
    throttle::take(ctx, &tries).await.inspect_err(|_| count_refusal("throttled"))?;
    let user = accounts::by_email(ctx.db(), email).await?;
    let stored = user.as_ref().map(|user| user.password_hash.as_str());
    if password::is_right(given, stored).await?
        && let Some(user) = user
    {
        return Ok(Some(Proof { user, tries }));
    }
    count_refusal("credentials");
    let entry = Entry { action: "signInFailed", subject: None, detail: json!({ "email": email.masked() }) };
    audit::record_refused(ctx, None, entry, ErrorCode::BadUserInput.name()).await?;
    Ok(None)
}

async fn choose_seat(ctx: &Ctx, user: user::Model, organization: Option<OrganizationId>) -> Result<Seat> {
    seat::find(ctx.db(), user, organization).await?.ok_or_else(|| match organization {
        Some(_) => Error::not_found().at(&["organizationId"]),
        None => Error::forbidden("This account belongs to no organisation."),
    })
}

fn count_refusal(reason: &'static str) {
    metrics::counter!("phonehub_sign_in_refusals_total", "reason" => reason).increment(1);
}

fn wrong() -> Error {
    Error::new(ErrorCode::BadUserInput, "The e-mail address or the password is wrong.").at(&[])
}

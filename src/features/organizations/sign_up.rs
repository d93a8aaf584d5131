//! `signUp`: a stranger makes an account and the organisation that it owns.

use async_graphql::InputObject;
use entity::enums::Role;
use serde_json::json;

use super::{
    accounts::{self, NewUser},
    email::Email,
    name,
    organization::{self, NewOrganization, parse_region},
    password::NewPassword,
    seat::Seat,
    sessions::{self, SignedIn},
    throttle,
};
use crate::{
    base::{
        audit,
        ctx::Ctx,
        error::{Error, Result},
        phone::Region,
    },
    config::SignUp,
    graphql::scalars::CountryCodeText,
};

/// A new account and its organisation.
#[derive(InputObject)]
pub struct SignUpInput {
    /// The sign-in name, in any case; at most 254 characters.
    pub email: String,
    /// 10 to 256 characters, not the e-mail address.
    pub password: String,
    /// What other members see, 1 to 200 characters.
    pub name: String,
    /// Name of the organisation that is made, 1 to 200 characters.
    pub organization_name: String,
    /// The country in whose way phone numbers without a country code are read; US when not given.
    pub default_region: Option<CountryCodeText>,
}

/// Makes user, organisation and ownership, and signs in. `FORBIDDEN` where accounts come by invitation only.
pub async fn sign_up(ctx: &Ctx, input: SignUpInput) -> Result<SignedIn> {
    if ctx.hub.config.accounts.sign_up == SignUp::InviteOnly {
        return Err(Error::forbidden("Accounts are made by invitation here."));
    }
    let email = Email::parse(&input.email)?;
    let name = name::parse(&input.name, "name")?;
    let organization = NewOrganization {
        name: name::parse(&input.organization_name, "organizationName")?,
        default_region: input.default_region.map_or(Ok(Region::US), |raw| parse_region(&raw.0))?,
        is_operator: false,
    };
    let password = NewPassword::parse(&input.password, email.as_str(), "password")?;
    throttle::take(ctx, &throttle::sign_up(ctx.request.ip)).await?;
    let password_hash = password.hash().await?;

    let tx = ctx.begin().await?;
    let user = accounts::create_user(ctx, &tx, NewUser { email, name, password_hash }).await?;
    let organization = organization::create(ctx, &tx, organization).await?;
    accounts::join(ctx, &tx, organization.id, user.id, Role::Owner).await?;
    let subject = Some(organization.id.to_string());
    let (signed_in, ctx) = sessions::open(ctx, &tx, Seat { user, organization, role: Role::Owner }).await?;
    audit::record(&ctx, &*tx, "signUp", subject, json!({})).await?;
    tx.commit().await?;
    Ok(signed_in)
}

//! Types of this feature: newtypes round the rows, so that only what is written here is shown.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    api_key,
    enums::Role,
    ids::{ApiKeyId, InvitationId, MembershipId, OrganizationId, UserId},
    invitation, membership, organization, user,
};
use secrecy::ExposeSecret;

use super::{
    governance::Retention,
    loaders::{OrganizationsById, UsersById},
};
use crate::{
    base::{
        caller::{Caller, Permission},
        error::Error,
    },
    connection,
    features::organizations::{api_keys, sessions::SignedIn},
    graphql::{
        CtxExt,
        loader::load,
        scalars::{CountryCodeText, PhoneNumberText},
    },
};

/// A tenant: everything that PhoneHub keeps belongs to one.
pub struct Organization(pub organization::Model);

/// A tenant: everything that PhoneHub keeps belongs to one.
#[Object]
impl Organization {
    /// Such as `org_01j…`.
    pub async fn id(&self) -> OrganizationId {
        self.0.id
    }

    /// What its people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The country in whose way phone numbers without a country code are read.
    async fn default_region(&self) -> CountryCodeText {
        CountryCodeText(self.0.default_region.clone())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Since when an operator lets it change and send nothing; null while it may.
    async fn suspended_at(&self) -> Option<DateTime<Utc>> {
        self.0.suspended_at
    }

    /// How long its things are kept.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn retention(&self, gql: &Context<'_>) -> Result<Retention> {
        Ok(Retention::of(&self.0, &gql.ctx()?.hub.config))
    }
}

/// A person with an account.
pub struct User(pub user::Model);

/// A person with an account.
#[Object]
impl User {
    /// Such as `usr_01j…`.
    pub async fn id(&self) -> UserId {
        self.0.id
    }

    /// What other members see.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The sign-in name. Null for API keys.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn email(&self, gql: &Context<'_>) -> Result<Option<&str>> {
        Ok(is_shown(gql)?.then_some(self.0.email.as_str()))
    }

    /// The person's own phone number. Null for API keys.
    #[expect(clippy::unused_async, reason = "resolvers are async, whether they wait or not")]
    async fn phone(&self, gql: &Context<'_>) -> Result<Option<PhoneNumberText>> {
        let shown = is_shown(gql)?;
        Ok(self.0.phone.clone().filter(|_| shown).map(PhoneNumberText))
    }

    /// When the account was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// How to reach people is shown to people, not to partners' programs.
fn is_shown(gql: &Context<'_>) -> Result<bool> {
    Ok(!matches!(gql.ctx()?.caller, Caller::Key(_)))
}

/// A person's place in one organisation.
pub struct Membership(pub membership::Model);

/// A person's place in one organisation.
#[Object]
impl Membership {
    /// Such as `mem_01j…`.
    pub async fn id(&self) -> MembershipId {
        self.0.id
    }

    /// Who.
    async fn user(&self, gql: &Context<'_>) -> Result<User> {
        let user = load::<UsersById>(gql, self.0.user_id).await?;
        Ok(User(user.ok_or_else(Error::not_found)?))
    }

    /// Where.
    async fn organization(&self, gql: &Context<'_>) -> Result<Organization> {
        let organization = load::<OrganizationsById>(gql, self.0.organization_id).await?;
        Ok(Organization(organization.ok_or_else(Error::not_found)?))
    }

    /// What the person may do there.
    async fn role(&self) -> Role {
        self.0.role
    }

    /// When the person joined.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// A link by which a person can join the organisation.
pub struct Invitation(pub invitation::Model);

/// A link by which a person can join the organisation.
#[Object]
impl Invitation {
    /// Such as `inv_01j…`.
    pub async fn id(&self) -> InvitationId {
        self.0.id
    }

    /// Whom it is for.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The role on joining.
    async fn role(&self) -> Role {
        self.0.role
    }

    /// Who invited; null when it came from the command line.
    async fn invited_by(&self, gql: &Context<'_>) -> Result<Option<User>> {
        by(gql, self.0.invited_by).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The link does not work from then on.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When the person joined by it; null while it is open.
    async fn accepted_at(&self) -> Option<DateTime<Utc>> {
        self.0.accepted_at
    }
}

/// What a partner's program authenticates with. Its secret is shown once, by `createApiKey`.
pub struct ApiKey(pub api_key::Model);

/// What a partner's program authenticates with. Its secret is shown once, by `createApiKey`.
#[Object]
impl ApiKey {
    /// Such as `key_01j…`.
    pub async fn id(&self) -> ApiKeyId {
        self.0.id
    }

    /// What it is for.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its first characters, to recognise it by.
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// What it may do.
    async fn scopes(&self) -> Vec<Permission> {
        api_keys::scopes(&self.0)
    }

    /// Who made it; null when it came from the command line.
    async fn created_by(&self, gql: &Context<'_>) -> Result<Option<User>> {
        by(gql, self.0.created_by).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Refused from then on; null for never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// Last use, to about a minute; null before the first.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// Refused from then on; null while it works.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }
}

async fn by(gql: &Context<'_>, user: Option<UserId>) -> Result<Option<User>> {
    match user {
        Some(user) => Ok(load::<UsersById>(gql, user).await?.map(User)),
        None => Ok(None),
    }
}

/// What a device keeps after signing in. It is shown once.
pub struct AuthTokens(pub SignedIn);

/// What a device keeps after signing in. It is shown once.
#[Object]
impl AuthTokens {
    /// For the header `Authorization: Bearer …`, until `accessTokenExpiresAt`.
    async fn access_token(&self) -> &str {
        self.0.access_token.expose_secret()
    }

    /// Refresh before then.
    async fn access_token_expires_at(&self) -> DateTime<Utc> {
        self.0.access_token_expires_at
    }

    /// Good for one `refreshSession`. Shown a second time, it ends the session.
    async fn refresh_token(&self) -> &str {
        self.0.refresh_token.expose_secret()
    }

    /// The one organisation that these tokens act in.
    async fn organization(&self) -> Organization {
        Organization(self.0.organization.clone())
    }

    /// Who signed in.
    async fn user(&self) -> User {
        User(self.0.user.clone())
    }
}

connection! {
    /// A page of the organisation's members.
    pub MembershipConnection, MembershipEdge => Membership, membership::Entity
}

connection! {
    /// A page of the organisation's invitations.
    pub InvitationConnection, InvitationEdge => Invitation, invitation::Entity
}

connection! {
    /// A page of the organisation's API keys.
    pub ApiKeyConnection, ApiKeyEdge => ApiKey, api_key::Entity
}

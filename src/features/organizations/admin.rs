//! What `phonehub admin` does to accounts: the first organisation and owner, operators, keys, links. For the command
//! line alone; no resolver may call it.

use chrono::{DateTime, Utc};
use entity::{api_key, enums::Role, ids::OrganizationId, organization, user};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    accounts::{self, NewUser},
    api_keys::{self, CreateApiKeyInput, NewApiKey},
    email::Email,
    invite::{self, Invited, NewInvitation},
    name,
    organization::{NewOrganization, find},
    password::NewPassword,
    reset_password,
};
use crate::base::{
    audit::{self, Entry},
    caller::{Caller, Permission},
    ctx::Ctx,
    error::{Error, Result},
    phone::Region,
    tx::Tx,
};

/// Makes an organisation; with `is_operator` the operator's own one, `CONFLICT` when there is one.
pub async fn create_organization(
    ctx: &Ctx,
    title: &str,
    default_region: Region,
    is_operator: bool,
) -> Result<organization::Model> {
    administrator(ctx)?;
    let new = NewOrganization { name: name::parse(title, "name")?, default_region, is_operator };
    let tx = ctx.begin().await?;
    let row = super::organization::create(ctx, &tx, new).await?;
    let detail = json!({ "isOperator": is_operator });
    note(ctx, &tx, Some(row.id), ("createOrganization", row.id.to_string(), detail)).await?;
    tx.commit().await?;
    Ok(row)
}

/// An owner as the command line made or found them.
#[derive(Debug)]
pub struct Owner {
    /// Who.
    pub user: user::Model,
    /// The generated password of a new account, to be shown once; `None` when the account existed.
    pub password: Option<SecretString>,
}

/// Makes a person the owner of an organisation. A known address keeps its account and password; a new one gets a
/// random password. `CONFLICT` for a member.
pub async fn create_owner(
    ctx: &Ctx,
    organization: OrganizationId,
    email: &str,
    person: &str,
) -> Result<Owner> {
    administrator(ctx)?;
    let (email, name) = (Email::parse(email)?, name::parse(person, "name")?);
    let password = NewPassword::random();
    let new = NewUser { email, name, password_hash: password.hash().await? };
    let tx = ctx.begin().await?;
    find(&*tx, organization).await?;
    let owner = match accounts::by_email(&*tx, &new.email).await? {
        Some(user) => Owner { user, password: None },
        None => Owner {
            user: accounts::create_user(ctx, &tx, new).await?,
            password: Some(password.reveal().clone()),
        },
    };
    accounts::join(ctx, &tx, organization, owner.user.id, Role::Owner).await?;
    let detail = json!({ "newAccount": owner.password.is_some() });
    note(ctx, &tx, Some(organization), ("createOwner", owner.user.id.to_string(), detail)).await?;
    tx.commit().await?;
    Ok(owner)
}

/// Makes a person an operator of this installation, or ends it, from their next request on.
pub async fn set_operator(ctx: &Ctx, email: &str, is_operator: bool) -> Result<user::Model> {
    administrator(ctx)?;
    let email = Email::parse(email)?;
    let tx = ctx.begin().await?;
    let mut row = known(&tx, &email).await?.into_active_model();
    row.is_operator = Set(is_operator);
    let user = row.update(&*tx).await?;
    let detail = json!({ "isOperator": is_operator });
    note(ctx, &tx, None, ("setOperator", user.id.to_string(), detail)).await?;
    tx.commit().await?;
    Ok(user)
}

/// Makes a key for an organisation; gives it with its secret, which cannot be read again.
pub async fn create_key(
    ctx: &Ctx,
    organization: OrganizationId,
    title: &str,
    scopes: Vec<Permission>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(api_key::Model, SecretString)> {
    administrator(ctx)?;
    let input = CreateApiKeyInput { name: title.to_owned(), scopes, expires_at };
    let new = NewApiKey::parse(ctx, organization, input)?;
    let tx = ctx.begin().await?;
    find(&*tx, organization).await?;
    let (key, secret) = api_keys::issue(ctx, &tx, new).await?;
    let detail = json!({ "scopes": key.scopes });
    note(ctx, &tx, Some(organization), ("createApiKey", key.id.to_string(), detail)).await?;
    tx.commit().await?;
    Ok((key, secret))
}

/// Makes an invitation of any role; good for a week, once.
pub async fn invitation_link(
    ctx: &Ctx,
    organization: OrganizationId,
    email: &str,
    role: Role,
) -> Result<Invited> {
    administrator(ctx)?;
    let new =
        NewInvitation { organization_id: organization, email: Email::parse(email)?, role, invited_by: None };
    let tx = ctx.begin().await?;
    find(&*tx, organization).await?;
    let invited = invite::issue(ctx, &tx, new).await?;
    let subject = invited.invitation.id.to_string();
    note(ctx, &tx, Some(organization), ("inviteMember", subject, json!({ "role": role }))).await?;
    tx.commit().await?;
    Ok(invited)
}

/// A reset link, to be handed over once.
#[derive(Debug)]
pub struct ResetLink {
    /// For `resetPassword`.
    pub token: SecretString,
    /// The token behind the public address.
    pub link: SecretString,
}

/// Makes a link by which a person chooses a new password; good for a day, once. `NOT_FOUND` for an unknown address.
pub async fn password_reset_link(ctx: &Ctx, email: &str) -> Result<ResetLink> {
    administrator(ctx)?;
    let email = Email::parse(email)?;
    let tx = ctx.begin().await?;
    let user = known(&tx, &email).await?.id;
    let token = reset_password::issue(ctx, &tx, user).await?;
    note(ctx, &tx, None, ("issuePasswordReset", user.to_string(), json!({}))).await?;
    tx.commit().await?;
    Ok(ResetLink { link: invite::link(ctx, "passwordReset", &token), token })
}

/// `FORBIDDEN` for everybody but the command line.
pub(super) fn administrator(ctx: &Ctx) -> Result<()> {
    match ctx.caller {
        Caller::Administrator => Ok(()),
        _ => Err(Error::forbidden("This is done on the command line only.")),
    }
}

async fn known(tx: &Tx, email: &Email) -> Result<user::Model> {
    accounts::by_email(&**tx, email).await?.ok_or_else(|| Error::not_found().at(&["email"]))
}

async fn note(
    ctx: &Ctx,
    tx: &Tx,
    organization: Option<OrganizationId>,
    (action, subject, detail): (&str, String, Value),
) -> Result<()> {
    audit::record_in(ctx, &**tx, organization, Entry { action, subject: Some(subject), detail }).await
}

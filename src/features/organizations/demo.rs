//! The demo's organisation, person and key. Only where no `DATABASE_URL` is set; `app` decides that.

use entity::{Tenanted, api_key, enums::Role, organization, user};
use sea_orm::{ActiveModelTrait, ColumnTrait, IntoActiveModel, QueryFilter, Set};
use secrecy::SecretString;
use serde_json::json;

use super::{
    accounts::{self, NewUser},
    admin,
    api_keys::{self, CreateApiKeyInput, NewApiKey},
    email::Email,
    organization::{NewOrganization, create, operator_organization},
    password::NewPassword,
};
use crate::base::{
    audit::{self, Entry},
    caller::Permission,
    ctx::Ctx,
    error::Result,
    phone::Region,
    tx::Tx,
};

const EMAIL: &str = "demo@phonehub.local";
const KEY: &str = "Demo token of the last start";

/// What the demo's start prints.
#[derive(Debug)]
pub struct DemoAccount {
    /// The operator's organisation.
    pub organization: organization::Model,
    /// Its owner, an operator.
    pub user: user::Model,
    /// The owner's password, on the first start only: it is not kept in clear.
    pub password: Option<SecretString>,
    /// The key's row.
    pub api_key: api_key::Model,
    /// A fresh key with every scope; the one of the last start no longer works.
    pub token: SecretString,
}

/// Makes what is missing of the demo and a fresh token; safe at every start.
pub async fn seed_demo(ctx: &Ctx) -> Result<DemoAccount> {
    admin::administrator(ctx)?;
    let email = Email::parse(EMAIL)?;
    let password = NewPassword::random();
    let password_hash = password.hash().await?;
    let tx = ctx.begin().await?;
    let organization = match operator_organization(&*tx).await? {
        Some(organization) => organization,
        None => create(ctx, &tx, demo_organization()).await?,
    };
    let known = accounts::by_email(&*tx, &email).await?;
    let is_new = known.is_none();
    let user = match known {
        Some(user) => user,
        None => {
            make_owner(ctx, &tx, &organization, NewUser { email, name: "Demo".into(), password_hash }).await?
        }
    };
    let (api_key, token) = replace_key(ctx, &tx, &organization).await?;
    let entry = Entry { action: "seedDemo", subject: Some(api_key.id.to_string()), detail: json!({}) };
    audit::record_in(ctx, &*tx, Some(organization.id), entry).await?;
    tx.commit().await?;
    let password = is_new.then(|| password.reveal().clone());
    Ok(DemoAccount { organization, user, password, api_key, token })
}

fn demo_organization() -> NewOrganization {
    NewOrganization { name: "Demo".into(), default_region: Region::US, is_operator: true }
}

async fn make_owner(
    ctx: &Ctx,
    tx: &Tx,
    organization: &organization::Model,
    new: NewUser,
) -> Result<user::Model> {
    let user = accounts::create_user(ctx, tx, new).await?;
    accounts::join(ctx, tx, organization.id, user.id, Role::Owner).await?;
    let mut row = user.into_active_model();
    row.is_operator = Set(true);
    Ok(row.update(&**tx).await?)
}

async fn replace_key(
    ctx: &Ctx,
    tx: &Tx,
    organization: &organization::Model,
) -> Result<(api_key::Model, SecretString)> {
    let earlier = api_key::Entity::in_org(organization.id)
        .filter(api_key::Column::Name.eq(KEY))
        .filter(api_key::Column::RevokedAt.is_null())
        .all(&**tx)
        .await?;
    for key in earlier {
        api_keys::end(ctx, tx, key).await?;
    }
    let input = CreateApiKeyInput { name: KEY.into(), scopes: Permission::SCOPES.to_vec(), expires_at: None };
    api_keys::issue(ctx, tx, NewApiKey::parse(ctx, organization.id, input)?).await
}

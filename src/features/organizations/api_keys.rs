//! `createApiKey` and `revokeApiKey`: what partners authenticate with. The secret is shown once; a hash is kept.

use async_graphql::InputObject;
use chrono::{DateTime, Utc};
use entity::{
    Tenanted, api_key,
    ids::{ApiKeyId, OrganizationId, UserId},
};
use sea_orm::{ActiveModelTrait, ColumnTrait, IntoActiveModel, QueryFilter, Set};
use secrecy::SecretString;
use serde_json::json;

use super::name;
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, Result},
        tokens,
        tx::Tx,
    },
    graphql::page::{self, Page, PageArgs, Sort},
};

/// Characters by which people recognise a key: the prefix and four of the secret.
const HINT: usize = tokens::API_KEY_PREFIX.len() + 4;

/// A key to be made.
#[derive(Debug, InputObject)]
pub struct CreateApiKeyInput {
    /// What it is for, 1 to 200 characters.
    pub name: String,
    /// What it may do; nothing when not given. Never more than its maker may.
    #[graphql(default)]
    pub scopes: Vec<Permission>,
    /// When it ends by itself; never when not given.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes a key for the caller's organisation; gives it with its secret, which cannot be read again.
pub async fn create(ctx: &Ctx, input: CreateApiKeyInput) -> Result<(api_key::Model, SecretString)> {
    let organization_id = ctx.require(Permission::MembersManage)?;
    let role = ctx.caller.member()?.role;
    if input.scopes.iter().any(|scope| scope.least_role() > role) {
        return Err(Error::forbidden("A key cannot do what its maker may not."));
    }
    let new = NewApiKey::parse(ctx, organization_id, input)?;
    let tx = ctx.begin().await?;
    let (key, secret) = issue(ctx, &tx, new).await?;
    let detail = json!({ "scopes": key.scopes, "expiresAt": key.expires_at });
    audit::record(ctx, &*tx, "createApiKey", Some(key.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok((key, secret))
}

/// Which key to revoke.
#[derive(Debug, InputObject)]
pub struct RevokeApiKeyInput {
    /// A key of the caller's organisation.
    pub api_key_id: ApiKeyId,
}

/// Ends a key with its next request; open sockets close within seconds. Revoking twice is the same as once.
pub async fn revoke(ctx: &Ctx, input: RevokeApiKeyInput) -> Result<api_key::Model> {
    let organization = ctx.require(Permission::MembersManage)?;
    let tx = ctx.begin().await?;
    let key = api_key::Entity::in_org(organization)
        .filter(api_key::Column::Id.eq(input.api_key_id))
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found().at(&["apiKeyId"]))?;
    let key = end(ctx, &tx, key).await?;
    audit::record(ctx, &*tx, "revokeApiKey", Some(key.id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(key)
}

/// The organisation's keys, newest first, revoked ones too.
pub async fn page(ctx: &Ctx, args: PageArgs) -> Result<Page<api_key::Entity>> {
    let organization = ctx.require(Permission::MembersManage)?;
    let sort = Sort { key: api_key::Column::CreatedAt, id: api_key::Column::Id, descending: true };
    page::fetch(ctx, "apiKeys", api_key::Entity::in_org(organization), sort, args).await
}

/// The scopes that a row holds, as far as this version knows them.
pub fn scopes(key: &api_key::Model) -> Vec<Permission> {
    let names: Vec<&str> =
        key.scopes.as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    Permission::SCOPES.into_iter().filter(|scope| names.contains(&scope.scope())).collect()
}

/// A key that is not yet there; its parts are checked.
pub(super) struct NewApiKey {
    organization_id: OrganizationId,
    name: String,
    scopes: Vec<Permission>,
    expires_at: Option<DateTime<Utc>>,
    created_by: Option<UserId>,
}

impl NewApiKey {
    pub(super) fn parse(
        ctx: &Ctx,
        organization_id: OrganizationId,
        input: CreateApiKeyInput,
    ) -> Result<Self> {
        let CreateApiKeyInput { name, scopes, expires_at } = input;
        if scopes.iter().any(|scope| !Permission::SCOPES.contains(scope)) {
            return Err(Error::input(&["scopes"], "Members and keys are managed by people, not by keys."));
        }
        if expires_at.is_some_and(|end| end <= ctx.now()) {
            return Err(Error::input(&["expiresAt"], "This time has passed."));
        }
        Ok(Self {
            organization_id,
            name: name::parse(&name, "name")?,
            scopes: Permission::SCOPES.into_iter().filter(|known| scopes.contains(known)).collect(),
            expires_at,
            created_by: ctx.caller.user_id(),
        })
    }
}

/// Writes a key and gives its secret, to be shown once.
pub(super) async fn issue(ctx: &Ctx, tx: &Tx, new: NewApiKey) -> Result<(api_key::Model, SecretString)> {
    let secret = tokens::new_api_key();
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.scope()).collect();
    let row = api_key::ActiveModel {
        id: Set(ApiKeyId::new()),
        organization_id: Set(new.organization_id),
        name: Set(new.name),
        hint: Set(secret[..HINT].to_owned()),
        secret_hash: Set(tokens::hash(&secret)),
        scopes: Set(json!(scopes)),
        created_by: Set(new.created_by),
        created_at: Set(ctx.now()),
        expires_at: Set(new.expires_at),
        last_used_at: Set(None),
        revoked_at: Set(None),
    };
    Ok((row.insert(&**tx).await?, secret.into()))
}

/// Marks a key as revoked, once.
pub(super) async fn end(ctx: &Ctx, tx: &Tx, key: api_key::Model) -> Result<api_key::Model> {
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    tx.revokes();
    let mut row = key.into_active_model();
    row.revoked_at = Set(Some(ctx.now()));
    Ok(row.update(&**tx).await?)
}

//! Signing secrets: how they are made, sealed into rows and opened to sign. No other module sees the sealed form.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use entity::{
    ids::{OrganizationId, WebhookEndpointId, WebhookSecretId},
    webhook_endpoint, webhook_secret,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::Expr,
};
use secrecy::{ExposeSecret, SecretString};

use super::signature::{PREFIX, SigningKey};
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, Result},
    secrets::Aad,
    tx::Tx,
};

/// Random bytes of a secret; the specification asks for 24 to 64.
const BYTES: usize = 32;
/// Characters by which people recognise a secret.
const HINT: usize = 4;

/// Makes a secret for an endpoint and gives it, to be shown once.
pub async fn issue(ctx: &Ctx, tx: &Tx, endpoint: &webhook_endpoint::Model) -> Result<SecretString> {
    let secret = format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; BYTES]>()));
    let id = WebhookSecretId::new();
    let place = place(endpoint.organization_id, id);
    let sealed = ctx.hub.keyring.seal(&place, secret.as_bytes()).map_err(Error::internal)?;
    let row = webhook_secret::ActiveModel {
        id: Set(id),
        organization_id: Set(endpoint.organization_id),
        endpoint_id: Set(endpoint.id),
        secret: Set(sealed),
        hint: Set(secret[secret.len() - HINT..].to_owned()),
        created_at: Set(ctx.now()),
        expires_at: Set(None),
    };
    row.insert(&**tx).await?;
    Ok(secret.into())
}

/// The secrets that sign now, newest first.
pub async fn live(
    db: &impl ConnectionTrait,
    endpoint: WebhookEndpointId,
    now: DateTime<Utc>,
) -> Result<Vec<webhook_secret::Model>> {
    let expires = webhook_secret::Column::ExpiresAt;
    let rows = webhook_secret::Entity::find()
        .filter(webhook_secret::Column::EndpointId.eq(endpoint))
        .filter(Condition::any().add(expires.is_null()).add(expires.gt(now)))
        .order_by_desc(webhook_secret::Column::CreatedAt)
        .order_by_desc(webhook_secret::Column::Id);
    Ok(rows.all(db).await?)
}

/// Opened to sign with, newest first.
pub async fn signing_keys(ctx: &Ctx, endpoint: WebhookEndpointId) -> Result<Vec<SigningKey>> {
    let rows = live(ctx.db(), endpoint, ctx.now()).await?;
    let keys = rows.iter().map(|row| {
        let place = place(row.organization_id, row.id);
        let secret = ctx.hub.keyring.open_text(&place, &row.secret).map_err(Error::internal)?;
        SigningKey::parse(secret.expose_secret())
            .ok_or_else(|| Error::internal("a sealed secret of another form"))
    });
    keys.collect()
}

/// Seals anew what an older master key sealed, row by row, while the server runs; answers how many rows changed.
/// Operators and the command line only.
pub async fn reseal(ctx: &Ctx) -> Result<u64> {
    ctx.caller.require_operator()?;
    let mut changed = 0;
    for row in webhook_secret::Entity::find().all(ctx.db()).await? {
        let place = place(row.organization_id, row.id);
        let sealed = ctx.hub.keyring.reseal(&place, &row.secret).map_err(Error::internal)?;
        let Some(sealed) = sealed else { continue };
        let tx = ctx.begin().await?;
        let written = webhook_secret::Entity::update_many()
            .col_expr(webhook_secret::Column::Secret, Expr::value(sealed))
            .filter(webhook_secret::Column::Id.eq(row.id))
            .exec(&*tx)
            .await?;
        let subject = Some(row.endpoint_id.to_string());
        audit::record(ctx, &*tx, "resealWebhookSecret", subject, serde_json::json!({})).await?;
        tx.commit().await?;
        changed += written.rows_affected;
    }
    Ok(changed)
}

/// Where a secret lives; it opens nowhere else.
fn place(organization: OrganizationId, secret: WebhookSecretId) -> Aad {
    Aad { organization: Some(organization.0), table: "webhook_secrets", row: secret.0, column: "secret" }
}

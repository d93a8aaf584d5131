//! `rotateWebhookSecret`: a new secret signs beside the earlier ones until these end, so that a partner can change over
//! without losing a delivery.

use async_graphql::InputObject;
use chrono::{DateTime, Duration, Utc};
use entity::{ids::WebhookEndpointId, webhook_endpoint, webhook_secret};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, sea_query::Expr};
use secrecy::SecretString;
use serde_json::json;

use super::{find, secrets};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// How long earlier secrets go on signing when nothing is said.
const OVERLAP: i32 = 24 * 3_600;
/// How long they may go on at most.
const LONGEST_OVERLAP: i32 = 30 * 24 * 3_600;
/// Secrets that sign at the same time; each adds to the header.
const MOST: usize = 5;

/// Which endpoint gets a new secret.
#[derive(Debug, InputObject)]
pub struct RotateWebhookSecretInput {
    /// An endpoint of the caller's organisation.
    pub id: WebhookEndpointId,
    /// Earlier secrets go on signing for so many seconds, up to 30 days; 0 ends them at once, as after a leak.
    #[graphql(default_with = "OVERLAP")]
    pub overlap_seconds: i32,
}

/// Makes a new secret, which cannot be read again.
pub async fn rotate(
    ctx: &Ctx,
    wish: RotateWebhookSecretInput,
) -> Result<(webhook_endpoint::Model, SecretString)> {
    let organization = ctx.require(Permission::WebhooksManage)?;
    if !(0..=LONGEST_OVERLAP).contains(&wish.overlap_seconds) {
        return Err(Error::input(&["overlapSeconds"], "Earlier secrets go on for 0 seconds to 30 days."));
    }
    let tx = ctx.begin().await?;
    let row = find::locked(&tx, organization, wish.id, &["id"]).await?;
    let end = ctx.now() + Duration::seconds(wish.overlap_seconds.into());
    end_earlier(&tx, row.id, end).await?;
    if secrets::live(&*tx, row.id, ctx.now()).await?.len() >= MOST {
        let words =
            format!("{MOST} secrets sign already. Wait until one ends, or end them with overlapSeconds: 0.");
        return Err(Error::new(ErrorCode::Conflict, words));
    }
    let secret = secrets::issue(ctx, &tx, &row).await?;
    let detail = json!({ "earlierEndAt": end });
    audit::record(ctx, &*tx, "rotateWebhookSecret", Some(row.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok((row, secret))
}

/// A secret that ends sooner already keeps its end.
async fn end_earlier(tx: &Tx, endpoint: WebhookEndpointId, end: DateTime<Utc>) -> Result<()> {
    let expires = webhook_secret::Column::ExpiresAt;
    webhook_secret::Entity::update_many()
        .col_expr(expires, Expr::value(end))
        .filter(webhook_secret::Column::EndpointId.eq(endpoint))
        .filter(Condition::any().add(expires.is_null()).add(expires.gt(end)))
        .exec(&**tx)
        .await?;
    Ok(())
}

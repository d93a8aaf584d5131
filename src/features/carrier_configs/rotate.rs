//! Sealing every config's credentials anew with the first master key, while the server runs.

use entity::carrier_config;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::credentials::place;
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, Result},
};

/// Reseals what an older key sealed, row by row; a config that is saved meanwhile keeps what was saved. Answers how
/// many rows changed. Operators and the command line only.
pub async fn reseal_credentials(ctx: &Ctx) -> Result<u64> {
    ctx.caller.require_operator()?;
    let mut changed = 0;
    for row in carrier_config::Entity::find().all(ctx.db()).await? {
        let aad = place(row.organization_id, row.id);
        let sealed = ctx.hub.keyring.reseal(&aad, &row.credentials).map_err(Error::internal)?;
        let Some(sealed) = sealed else { continue };
        let tx = ctx.begin().await?;
        let written = carrier_config::Entity::update_many()
            .col_expr(carrier_config::Column::Credentials, Expr::value(sealed))
            .filter(carrier_config::Column::Id.eq(row.id))
            .filter(carrier_config::Column::Credentials.eq(row.credentials))
            .exec(&*tx)
            .await?;
        let detail = serde_json::json!({});
        audit::record(ctx, &*tx, "resealCredentials", Some(row.id.to_string()), detail).await?;
        tx.commit().await?;
        changed += written.rows_affected;
    }
    Ok(changed)
}

//! `deleteCarrierConfig`: config, secrets and senders go; messages stay and lose their link to it.

use entity::{carrier_config, ids::CarrierConfigId};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::{notice, owner::Owner, query};
use crate::base::{
    audit,
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// Deletes a config of the caller's organisation, or as an operator the system's. CONFLICT while a hand-over through it is
/// open or in doubt: its callbacks and lists are the evidence. What still waits to be sent through it fails at hand-over.
pub async fn delete(ctx: &Ctx, id: CarrierConfigId) -> Result<CarrierConfigId> {
    let row = query::manageable(ctx, id).await?;
    let holder = match row.organization_id {
        Some(organization) => Some(organization),
        None => Owner::system(ctx.db()).await?.holder,
    };
    let tx = ctx.begin().await?;
    refuse_open_attempts(ctx, &tx, id).await?;
    carrier_config::Entity::delete_by_id(id).exec(&*tx).await?;
    if let Some(holder) = holder {
        tx.emit(notice::deleted(&row, holder));
    }
    audit::record(ctx, &*tx, "deleteCarrierConfig", Some(id.to_string()), notice::facts(&row)).await?;
    tx.commit().await?;
    Ok(id)
}

/// The states stand in the statement and not in parameters, so that the partial index answers.
async fn refuse_open_attempts(ctx: &Ctx, tx: &Tx, id: CarrierConfigId) -> Result<()> {
    let sql =
        "SELECT 1 FROM attempts WHERE carrier_config_id = $1 AND state IN ('STARTED', 'IN_DOUBT') LIMIT 1";
    if tx.query_one_raw(ctx.hub.db.sql(sql, [id.into()])).await?.is_none() {
        return Ok(());
    }
    let text = "Messages are being handed over through this config, or nobody knows yet whether they were. Try again \
                when none of them is SENDING any more.";
    Err(Error::new(ErrorCode::Conflict, text).at(&["id"]))
}

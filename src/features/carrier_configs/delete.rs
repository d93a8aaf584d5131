//! `deleteCarrierConfig`: config, secrets and senders go; messages stay and lose their link to it.

use entity::{carrier_config, ids::CarrierConfigId};
use sea_orm::EntityTrait;

use super::{notice, owner::Owner, query};
use crate::base::{audit, ctx::Ctx, error::Result};

/// Deletes a config of the caller's organisation, or as an operator the system's. What still waits to be sent through
/// it is routed anew at hand-over.
pub async fn delete(ctx: &Ctx, id: CarrierConfigId) -> Result<CarrierConfigId> {
    let row = query::manageable(ctx, id).await?;
    let holder = match row.organization_id {
        Some(organization) => Some(organization),
        None => Owner::system(ctx.db()).await?.holder,
    };
    let tx = ctx.begin().await?;
    carrier_config::Entity::delete_by_id(id).exec(&*tx).await?;
    if let Some(holder) = holder {
        tx.emit(notice::deleted(&row, holder));
    }
    audit::record(ctx, &*tx, "deleteCarrierConfig", Some(id.to_string()), notice::facts(&row)).await?;
    tx.commit().await?;
    Ok(id)
}

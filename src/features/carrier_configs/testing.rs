//! For unit tests that need configs but no carrier: what the carrier says is tested over HTTP, in `tests/`.

use entity::carrier_config;

use super::{
    owner::Owner,
    plan::Plan,
    save::{SaveCarrierConfigInput, write},
};
use crate::base::{ctx::Ctx, error::Result};

/// Saves as after the carrier let the credentials in.
pub async fn save_proven(ctx: &Ctx, input: SaveCarrierConfigInput) -> Result<carrier_config::Model> {
    let owner = Owner::of_caller(ctx, input.system).await?;
    let mut plan = Plan::make(ctx, &owner, input).await?;
    plan.row.proven_at = Some(ctx.now());
    let tx = ctx.begin().await?;
    write(ctx, &tx, &owner, &plan).await?;
    tx.commit().await?;
    Ok(plan.row)
}

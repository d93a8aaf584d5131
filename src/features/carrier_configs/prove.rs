//! Whose a carrier account is: that of whom the carrier lets in, and of nobody else. A config is saved once the carrier took
//! its credentials; only the environment's may wait for that, since servers start without a carrier. What decides about
//! senders that two configs name is here too.

use std::{collections::HashSet, sync::Arc};

use entity::{carrier_config, ids::CarrierConfigId, number};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    check::{self, Problem},
    notice,
    open::open,
    plan::Plan,
    query,
};
use crate::base::{
    ctx::{Ctx, Hub},
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// Asks the carrier whether a plan's credentials open its account. With another answer than yes, nothing is to be written:
/// `AUTH_FAILED`, `ACCOUNT_SUSPENDED`, and `SERVICE_UNAVAILABLE` or `RATE_LIMIT` where it is worth trying again.
pub(super) async fn prove(ctx: &Ctx, plan: &mut Plan) -> Result<()> {
    ask(&ctx.hub, &plan.row).await?.map_err(|problem| {
        let field = if plan.fresh.is_some() { "credentials" } else { "id" };
        Error::new(problem.code, format!("{} Nothing was saved.", problem.message)).at(&[field])
    })?;
    plan.row.proven_at = Some(ctx.now());
    Ok(())
}

/// Configs of others that have one of the plan's senders although the carrier does not let them in (any more): whoever lost
/// an account, or never had it, keeps nothing from those who have it.
pub(super) async fn outdated(ctx: &Ctx, plan: &Plan) -> Result<Vec<carrier_config::Model>> {
    let mut outdated = Vec::new();
    for rival in rivals(ctx, plan).await? {
        if let Err(problem) = ask(&ctx.hub, &rival).await?
            && matches!(problem.code, ErrorCode::AuthFailed)
        {
            outdated.push(rival);
        }
    }
    Ok(outdated)
}

async fn rivals(ctx: &Ctx, plan: &Plan) -> Result<Vec<carrier_config::Model>> {
    let taken = number::Entity::find()
        .filter(number::Column::Account.eq(plan.row.account.as_str()))
        .filter(number::Column::Address.is_in(plan.senders.addresses.iter().cloned()))
        .filter(number::Column::CarrierConfigId.ne(plan.row.id))
        .all(ctx.db())
        .await?;
    let configs: HashSet<CarrierConfigId> = taken.into_iter().map(|row| row.carrier_config_id).collect();
    if configs.is_empty() {
        return Ok(Vec::new());
    }
    let configs = carrier_config::Entity::find().filter(carrier_config::Column::Id.is_in(configs));
    Ok(configs.all(ctx.db()).await?)
}

/// Takes its senders from a config that the carrier does not let in, unless it was saved since; its organisation is told.
pub(super) async fn displace(ctx: &Ctx, tx: &Tx, rival: &carrier_config::Model) -> Result<()> {
    let refused = carrier_config::Model { proven_at: None, updated_at: ctx.now(), ..rival.clone() };
    if !mark(&**tx, rival, &refused).await? {
        return Ok(());
    }
    let of_rival = number::Column::CarrierConfigId.eq(rival.id);
    number::Entity::delete_many().filter(of_rival).exec(&**tx).await?;
    if let Some(organization) = rival.organization_id {
        tx.emit(notice::saved(&refused, organization));
    }
    tracing::warn!(config = %rival.id, "the carrier does not let this config in; its senders went to one that it lets in");
    Ok(())
}

/// Asks the carrier about what the environment brought while it could not be asked. Organisations save again themselves.
pub async fn prove_pending(hub: &Arc<Hub>) {
    if let Err(error) = try_pending(hub).await {
        tracing::warn!(%error, "the system config was not proven; the next sweep asks again");
    }
}

async fn try_pending(hub: &Arc<Hub>) -> Result<()> {
    let unproven = carrier_config::Column::ProvenAt.is_null();
    for row in query::of_system().filter(unproven).all(hub.db.read()).await? {
        if let Err(problem) = ask(hub, &row).await? {
            tracing::warn!(config = %row.id, problem = problem.message, "the system config does not work (yet)");
            continue;
        }
        let proven = carrier_config::Model { proven_at: Some(hub.clock.now()), ..row.clone() };
        let tx = Tx::begin(hub).await?;
        mark(&*tx, &row, &proven).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Notes what the carrier said of a config, unless it was saved since; whether it was noted.
pub(super) async fn mark(
    db: &impl ConnectionTrait,
    before: &carrier_config::Model,
    after: &carrier_config::Model,
) -> Result<bool> {
    let marked = carrier_config::Entity::update_many()
        .col_expr(carrier_config::Column::ProvenAt, Expr::value(after.proven_at))
        .col_expr(carrier_config::Column::UpdatedAt, Expr::value(after.updated_at))
        .filter(carrier_config::Column::Id.eq(before.id))
        .filter(carrier_config::Column::UpdatedAt.eq(before.updated_at))
        .exec(db)
        .await?;
    Ok(marked.rows_affected == 1)
}

/// The carrier's answer, or why there was no asking.
async fn ask(hub: &Hub, row: &carrier_config::Model) -> Result<Result<(), Problem>> {
    let carrier = open(hub, row)?;
    let Some(messaging) = &carrier.messaging else { return Ok(Ok(())) };
    Ok(check::account(&**messaging, row).await.map(drop))
}

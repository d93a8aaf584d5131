//! `saveCarrierConfig`: one config per organisation and provider, made or changed with its senders in one transaction.

use async_graphql::{InputObject, MaybeUndefined};
use entity::{
    carrier_config,
    enums::{InDoubtPolicy, Provider},
    ids::CarrierConfigId,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};
use serde_json::json;

use super::{notice, owner::Owner, plan::Plan, prove, senders};
use crate::{
    base::{
        audit,
        ctx::Ctx,
        error::{Error, ErrorCode, Result, is_unique_violation},
        tx::Tx,
    },
    graphql::scalars::UrlText,
};

/// An account at a carrier. On a config that exists, fields that are left out stay as they are.
#[derive(InputObject)]
pub struct SaveCarrierConfigInput {
    /// The config to change. Without it, the organisation's config of this provider is made or changed.
    pub id: Option<CarrierConfigId>,
    /// The installation's own config, which organisations without one fall back on. For operators.
    #[graphql(default)]
    pub system: bool,
    /// Which carrier.
    #[graphql(default_with = "Provider::Twilio")]
    pub provider: Provider,
    /// What opens the account. Needed for a new config and for another base URL; never shown again. The carrier is asked at
    /// once: what it does not take is not saved.
    pub credentials: Option<CarrierCredentialsInput>,
    /// Ends the time in which webhooks signed with the previous token pass.
    #[graphql(default)]
    pub end_token_rotation: bool,
    /// Where the carrier's API answers, when not at its usual address. Anything but Twilio's own is a sandbox, and its
    /// messages are marked as test.
    pub base_url: Option<UrlText>,
    /// The sender when a message names none and there is no messaging service. Null: the first of the senders.
    pub default_sender: MaybeUndefined<String>,
    /// Every phone number (in any common writing), short code and sender id of the account that this config sends
    /// from. A list replaces the one before.
    pub senders: Option<Vec<String>>,
    /// A Twilio messaging service (`MG…`): sends when a message names no sender. Null removes it.
    pub messaging_service_sid: MaybeUndefined<String>,
    /// What happens to a message of which nobody knows whether the carrier took it. HOLD when nothing is said.
    pub in_doubt_policy: Option<InDoubtPolicy>,
    /// Pace of each sender; 0 leaves the pace to the carrier.
    pub messages_per_second: Option<i32>,
    /// Whether the carrier itself answers STOP, START and HELP, as Twilio does; then PhoneHub does not. True when
    /// nothing is said.
    pub replies_to_stop: Option<bool>,
    /// Chosen when an organisation has several configs.
    pub is_default: Option<bool>,
}

/// What opens a Twilio account. The Auth Token is needed even with an API key: it signs the webhooks.
#[derive(InputObject)]
pub struct CarrierCredentialsInput {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The account's Auth Token. When it changes, webhooks signed with the one before pass until `endTokenRotation`.
    pub auth_token: String,
    /// The Auth Token before or after this one, while the carrier changes over.
    pub previous_auth_token: Option<String>,
    /// An API key (`SK…`), used for requests instead of the token.
    pub api_key_sid: Option<String>,
    /// The API key's secret.
    pub api_key_secret: Option<String>,
}

/// Makes or changes a config, once the carrier has let new credentials in. CONFLICT when one of its senders belongs to
/// another config of the account that the carrier lets in as well; one that it does not loses them.
pub async fn save(ctx: &Ctx, input: SaveCarrierConfigInput) -> Result<carrier_config::Model> {
    let owner = Owner::of_caller(ctx, input.system).await?;
    let mut plan = Plan::make(ctx, &owner, input).await?;
    if plan.row.proven_at.is_none() {
        prove::prove(ctx, &mut plan).await?;
    }
    let outdated = prove::outdated(ctx, &plan).await?;
    let tx = ctx.begin().await?;
    for rival in &outdated {
        prove::displace(ctx, &tx, rival).await?;
    }
    write(ctx, &tx, &owner, &plan).await?;
    tx.commit().await?;
    Ok(plan.row)
}

/// Writes a plan with its audit entry and event.
pub(super) async fn write(ctx: &Ctx, tx: &Tx, owner: &Owner, plan: &Plan) -> Result<()> {
    let row = &plan.row;
    write_row(tx, plan).await?;
    if row.is_default {
        only_default(tx, row).await?;
    }
    if let Some(holder) = owner.holder {
        senders::write(tx, row, holder, &plan.senders, ctx.now()).await?;
        tx.emit(notice::saved(row, holder));
    }
    let mut detail = notice::facts(row);
    detail["created"] = json!(plan.before.is_none());
    detail["credentialsChanged"] = json!(plan.fresh.is_some());
    detail["senders"] = json!(plan.senders.addresses.len());
    audit::record(ctx, &**tx, "saveCarrierConfig", Some(row.id.to_string()), detail).await
}

async fn write_row(tx: &Tx, plan: &Plan) -> Result<()> {
    let row = plan.row.clone().into_active_model().reset_all();
    let Some(before) = &plan.before else {
        return carrier_config::Entity::insert(row)
            .exec_without_returning(&**tx)
            .await
            .map(drop)
            .map_err(lost);
    };
    let written = carrier_config::Entity::update_many()
        .set(row)
        .filter(carrier_config::Column::Id.eq(before.id))
        .filter(carrier_config::Column::UpdatedAt.eq(before.updated_at))
        .exec(&**tx)
        .await?;
    if written.rows_affected == 1 { Ok(()) } else { Err(changed_meanwhile()) }
}

async fn only_default(tx: &Tx, row: &carrier_config::Model) -> Result<()> {
    let owner = match row.organization_id {
        Some(organization) => carrier_config::Column::OrganizationId.eq(organization),
        None => carrier_config::Column::OrganizationId.is_null(),
    };
    carrier_config::Entity::update_many()
        .col_expr(carrier_config::Column::IsDefault, Expr::value(false))
        .filter(owner)
        .filter(carrier_config::Column::Id.ne(row.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn lost(error: DbErr) -> Error {
    if is_unique_violation(&error) { changed_meanwhile() } else { error.into() }
}

fn changed_meanwhile() -> Error {
    Error::new(
        ErrorCode::Conflict,
        "Somebody else saved this config at the same moment. Look, and save again.",
    )
}

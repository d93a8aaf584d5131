//! Where an inbound message goes: which organisation, and which of its senders was written to (design.md §2, "A number
//! shared by several organisations").

use entity::{
    attempt, carrier_config,
    enums::{AttemptState, Direction, NumberStatus},
    ids::{NumberId, OrganizationId},
    message, number,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Set,
    sea_query::{Expr, ExprTrait, OnConflict, SelectStatement},
};
use serde::Serialize;

use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        phone::PhoneNumber,
        tx::Tx,
    },
    carriers::twilio::InboundMessage,
    features::organizations::organization,
};

/// Where an inbound message goes.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Our end of the conversation: the address written to, or the messaging service that last wrote from it.
    pub sender: String,
    /// Owner of the sender's row; differs from the tenant on a shared number. None while there is no operator.
    pub owner: Option<OrganizationId>,
    /// For the timeline.
    pub why: Why,
}

/// Why an organisation got a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Why {
    /// The config is its own.
    OwnConfig,
    /// It last wrote to this phone from this shared number.
    LastWriter,
    /// It holds the shared number.
    NumberHolder,
}

/// Finds the organisation and the sender; UNAVAILABLE for a shared number while there is no operator's organisation.
pub(super) async fn route(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
) -> Result<Route> {
    let last = last_written(db, config, inbound).await?;
    let sender =
        last.as_ref().map_or_else(|| inbound.to.as_str().to_owned(), |message| message.sender.clone());
    if let Some(own) = config.organization_id {
        return Ok(Route { organization_id: own, sender, owner: Some(own), why: Why::OwnConfig });
    }
    let owner = holder(db, config, &sender).await?;
    let (organization_id, why) = match (last, owner) {
        (Some(message), _) => (message.organization_id, Why::LastWriter),
        (None, Some(owner)) => (owner, Why::NumberHolder),
        (None, None) => {
            return Err(Error::unavailable("no operator's organisation takes unclaimed messages"));
        }
    };
    Ok(Route { organization_id, sender, owner, why })
}

/// The newest message that this account sent to that phone from the address, or from the service behind it. On an
/// organisation's own config only its own count. One that only waits, was withdrawn or was refused is no sent message:
/// else whoever plans one would be given what the person writes to somebody else.
async fn last_written(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
) -> Result<Option<message::Model>> {
    let mut newest: Option<message::Model> = None;
    for sender in std::iter::once(inbound.to.as_str()).chain(inbound.messaging_service_sid.as_deref()) {
        let mut query = message::Entity::find()
            .filter(message::Column::Account.eq(&config.account))
            .filter(message::Column::Sender.eq(sender))
            .filter(message::Column::Recipient.eq(inbound.from.as_str()))
            .filter(message::Column::Direction.eq(Direction::Outbound))
            .filter(left());
        if let Some(own) = config.organization_id {
            query = query.filter(message::Column::OrganizationId.eq(own));
        }
        let found = query.order_by_desc(message::Column::CreatedAt).one(db).await?;
        newest = found.into_iter().chain(newest).max_by_key(|message| (message.created_at, message.id));
    }
    Ok(newest)
}

/// What the carrier has, or may have.
fn left() -> Condition {
    Condition::any()
        .add(message::Column::CarrierMessageId.is_not_null())
        .add(message::Column::Id.in_subquery(under_way()))
}

fn under_way() -> SelectStatement {
    attempt::Entity::find()
        .select_only()
        .column(attempt::Column::MessageId)
        .filter(
            Expr::col((attempt::Entity, attempt::Column::MessageId))
                .equals((message::Entity, message::Column::Id)),
        )
        .filter(attempt::Column::State.is_in([AttemptState::Started, AttemptState::InDoubt]))
        .into_query()
}

/// The organisation that holds a sender of the system config: the row's, else the operator's.
async fn holder(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    sender: &str,
) -> Result<Option<OrganizationId>> {
    if let Some(row) = known(db, config, sender).await? {
        return Ok(Some(row.organization_id));
    }
    Ok(organization::operator_organization(db).await?.map(|row| row.id))
}

/// The sender's row, made when the account has a sender that nobody told us of. None when another organisation on the same
/// carrier account holds that sender.
pub(super) async fn number(
    ctx: &Ctx,
    tx: &Tx,
    config: &carrier_config::Model,
    route: &Route,
) -> Result<Option<NumberId>> {
    let Some(owner) = route.owner else { return Ok(None) };
    if let Some(row) = known(&**tx, config, &route.sender).await? {
        return Ok(Some(row).filter(|row| row.organization_id == owner).map(|row| row.id));
    }
    let country = PhoneNumber::parse_e164(&route.sender).ok().and_then(|phone| phone.country());
    let row = number::ActiveModel {
        id: Set(NumberId::new()),
        organization_id: Set(owner),
        carrier_config_id: Set(config.id),
        account: Set(config.account.clone()),
        address: Set(route.sender.clone()),
        country: Set(country.map(|country| country.to_string())),
        status: Set(NumberStatus::Active),
        is_primary: Set(false),
        created_at: Set(ctx.now()),
    };
    let first_wins =
        OnConflict::columns([number::Column::Account, number::Column::Address]).do_nothing().to_owned();
    number::Entity::insert(row).on_conflict(first_wins).exec_without_returning(&**tx).await?;
    let row = known(&**tx, config, &route.sender).await?;
    Ok(row.filter(|row| row.organization_id == owner).map(|row| row.id))
}

async fn known(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    address: &str,
) -> Result<Option<number::Model>> {
    let query = number::Entity::find()
        .filter(number::Column::Account.eq(&config.account))
        .filter(number::Column::Address.eq(address));
    Ok(query.one(db).await?)
}

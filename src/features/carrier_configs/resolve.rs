//! Which config and sender a message goes through: the organisation's own, else the system's. Sender and credentials
//! come from one config, always; the answer says why, for the message's timeline.

mod lookup;

use std::sync::Arc;

use entity::{
    carrier_config,
    enums::NumberStatus,
    ids::{CarrierConfigId, OrganizationId},
    number,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use self::lookup::Serving;
use super::{account::is_sid, query, senders};
use crate::base::{
    ctx::Hub,
    error::{Error, ErrorCode, Result},
    region,
};

/// How a message leaves.
#[derive(Debug, Clone)]
pub struct Route {
    /// Whose credentials.
    pub config: carrier_config::Model,
    /// From whom; a sender of that config.
    pub sender: Sender,
    /// Why these two.
    pub why: Why,
}

/// Who a message comes from.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Its row; none for a system config's sender while there is no operator's organisation.
    pub number: Option<number::Model>,
    /// E.164, short code, sender id or messaging service id, as the carrier is told.
    pub address: String,
    /// A pool that the carrier chooses a number from.
    pub is_service: bool,
}

impl Route {
    /// `account/address`: the sender as pacing and opt-outs know it.
    pub fn sender_key(&self) -> String {
        senders::sender_key(&self.config.account, &self.sender.address)
    }
}

/// Why a route was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Why this config.
    pub config: ConfigChoice,
    /// Why this sender.
    pub sender: SenderChoice,
}

/// Why a config was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConfigChoice {
    /// The caller named it.
    Named,
    /// The organisation's own one that has the sender which the caller named.
    HasSender,
    /// The organisation's own default.
    OwnDefault,
    /// The organisation has none: the system's.
    SystemDefault,
}

/// Why a sender was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SenderChoice {
    /// The caller named it.
    Named,
    /// The config's messaging service.
    MessagingService,
    /// The config's default sender.
    DefaultSender,
}

/// Finds the way of an organisation's message. `from` is a sender in any common writing. `NOT_FOUND` for a config that
/// is not the organisation's or the system's, `UNKNOWN_SENDER`, `MISSING_CONFIGURATION`.
pub async fn resolve(
    hub: &Arc<Hub>,
    organization: OrganizationId,
    wanted: Option<CarrierConfigId>,
    from: Option<&str>,
) -> Result<Route> {
    let (candidates, choice) = candidates(hub, organization, wanted).await?;
    let Some(from) = from else {
        let config = candidates.into_iter().next().ok_or_else(missing_configuration)?;
        let (address, sender) = primary(&config)?;
        let number = row(hub, std::slice::from_ref(&config), &address).await?;
        return route(config, number, address, Why { config: choice, sender });
    };
    let address = named_address(hub.db.read(), organization, from).await?;
    let number = row(hub, &candidates, &address).await?.ok_or_else(unknown_sender)?;
    let own = candidates.len() > 1 && choice == ConfigChoice::OwnDefault;
    let config = candidates.into_iter().find(|config| config.id == number.carrier_config_id);
    let config = config.ok_or_else(unknown_sender)?;
    let choice = if own && !config.is_default { ConfigChoice::HasSender } else { choice };
    route(config, Some(number), address, Why { config: choice, sender: SenderChoice::Named })
}

/// The configs that may serve, the preferred one first.
async fn candidates(
    hub: &Arc<Hub>,
    organization: OrganizationId,
    wanted: Option<CarrierConfigId>,
) -> Result<(Vec<carrier_config::Model>, ConfigChoice)> {
    if let Some(id) = wanted {
        let found = query::find(hub.db.read(), organization, id).await?;
        let config = found.ok_or_else(|| Error::not_found().at(&["carrierConfigId"]))?;
        return Ok((vec![config], ConfigChoice::Named));
    }
    let Serving { own, system } = lookup::serving(hub, organization).await?;
    if !own.is_empty() {
        return Ok((own, ConfigChoice::OwnDefault));
    }
    if system.is_empty() {
        return Err(missing_configuration());
    }
    Ok((system, ConfigChoice::SystemDefault))
}

fn primary(config: &carrier_config::Model) -> Result<(String, SenderChoice)> {
    let service = config.messaging_service.clone().map(|id| (id, SenderChoice::MessagingService));
    let single = || config.default_sender.clone().map(|address| (address, SenderChoice::DefaultSender));
    service.or_else(single).ok_or_else(missing_configuration)
}

async fn named_address(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    from: &str,
) -> Result<String> {
    let from = from.trim();
    if is_sid("MG", from) {
        return Ok(from.to_owned());
    }
    let region = region::of(db, organization).await?;
    let address = senders::parse_address(from, region).ok_or_else(unknown_sender)?;
    Ok(address.as_str().to_owned())
}

async fn row(
    hub: &Arc<Hub>,
    configs: &[carrier_config::Model],
    address: &str,
) -> Result<Option<number::Model>> {
    let rows = lookup::senders(hub, configs, address).await?;
    let found = configs.iter().find_map(|config| rows.iter().find(|row| row.carrier_config_id == config.id));
    Ok(found.cloned())
}

fn route(
    config: carrier_config::Model,
    number: Option<number::Model>,
    address: String,
    why: Why,
) -> Result<Route> {
    if number.as_ref().is_some_and(|number| number.status != NumberStatus::Active) {
        return Err(Error::new(ErrorCode::UnknownSender, "This sender is not active.").at(&["from"]));
    }
    let is_service = config.messaging_service.as_deref() == Some(address.as_str());
    Ok(Route { config, sender: Sender { number, address, is_service }, why })
}

fn unknown_sender() -> Error {
    let text = "This is no sender of the carrier account that the message would go through.";
    Error::new(ErrorCode::UnknownSender, text).at(&["from"])
}

fn missing_configuration() -> Error {
    let text = "No carrier is configured: save a carrier config, or ask the operator for a system-wide one.";
    Error::new(ErrorCode::MissingConfiguration, text)
}

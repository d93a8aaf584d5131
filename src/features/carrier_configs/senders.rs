//! The senders of a config: what a caller lists, and their rows in `numbers`, unique per carrier account.

use std::collections::BTreeSet;

use async_graphql::MaybeUndefined;
use chrono::{DateTime, Utc};
use entity::{
    carrier_config,
    enums::NumberStatus,
    ids::{CarrierConfigId, NumberId, OrganizationId},
    number,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, sea_query::Expr};

use super::account::is_sid;
use crate::base::{
    error::{Error, ErrorCode, Result, is_unique_violation},
    phone::{Address, PhoneNumber, Region},
    tx::Tx,
};

/// Senders of one config; more belong into a messaging service.
const MOST: usize = 500;

/// `account/address`: what pacing and opt-outs know a sender by.
pub fn sender_key(account: &str, address: &str) -> String {
    format!("{account}/{address}")
}

/// A sender as a person types it: a number in any common writing, a short code, a sender id. Numbers in E.164 are
/// taken as they are, since carriers use ranges before any numbering plan knows them.
pub fn parse_address(text: &str, region: Region) -> Option<Address> {
    let text = text.trim();
    PhoneNumber::parse_e164(text).map(Address::Number).or_else(|_| Address::parse(text, region)).ok()
}

/// Which senders a config has after a save, and which of them sends when nobody says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senders {
    /// Addresses, the messaging service among them.
    pub addresses: BTreeSet<String>,
    /// The address that sends when the caller names none and there is no service.
    pub default: Option<String>,
    /// Twilio `MG…`: when it is set, it sends when the caller names none.
    pub service: Option<String>,
}

/// What a caller says about senders; what is left out stays.
#[derive(Debug)]
pub struct SendersInput {
    /// All addresses but the service.
    pub listed: Option<Vec<String>>,
    /// Null removes it.
    pub default: MaybeUndefined<String>,
    /// Null removes it.
    pub service: MaybeUndefined<String>,
}

impl Senders {
    /// The senders after a save, from what there was (`known`: addresses of the config's rows).
    pub fn after(
        before: Option<&carrier_config::Model>,
        known: Vec<String>,
        input: SendersInput,
        region: Region,
    ) -> Result<Self> {
        let service = service(before, input.service)?;
        let listed = input.listed.is_some();
        let mut addresses: Vec<String> = match input.listed {
            Some(texts) => {
                texts.iter().map(|text| address(text, region, "senders")).collect::<Result<_>>()?
            }
            None => known.into_iter().filter(|known| !is_sid("MG", known)).collect(),
        };
        let kept = before.and_then(|row| row.default_sender.clone());
        let default = match input.default {
            MaybeUndefined::Value(text) => Some(address(&text, region, "defaultSender")?),
            MaybeUndefined::Null => None,
            MaybeUndefined::Undefined => kept.filter(|kept| !listed || addresses.contains(kept)),
        };
        addresses.extend(default.clone());
        let default = default.or_else(|| addresses.first().filter(|_| service.is_none()).cloned());
        let addresses: BTreeSet<String> = addresses.into_iter().chain(service.clone()).collect();
        match addresses.len() {
            0 => Err(Error::input(&["senders"], "Name at least one sender or a messaging service.")),
            1..=MOST => Ok(Self { addresses, default, service }),
            _ => Err(Error::input(&["senders"], format!("A config has at most {MOST} senders."))),
        }
    }

    /// What sends when the caller names nothing.
    pub fn primary(&self) -> Option<&str> {
        self.service.as_deref().or(self.default.as_deref())
    }
}

fn service(before: Option<&carrier_config::Model>, input: MaybeUndefined<String>) -> Result<Option<String>> {
    match input {
        MaybeUndefined::Undefined => Ok(before.and_then(|row| row.messaging_service.clone())),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(text) if is_sid("MG", text.trim()) => Ok(Some(text.trim().to_owned())),
        MaybeUndefined::Value(_) => {
            let text = "A messaging service's SID is MG and 32 hexadecimal digits.";
            Err(Error::input(&["messagingServiceSid"], text))
        }
    }
}

fn address(text: &str, region: Region, field: &'static str) -> Result<String> {
    let parsed = parse_address(text, region).map(|address| address.as_str().to_owned());
    parsed.ok_or_else(|| {
        let text =
            "This is neither a phone number, nor a short code, nor a sender id of at most 11 characters.";
        Error::new(ErrorCode::InvalidNumber, text).at(&[field])
    })
}

/// Addresses of a config's rows.
pub async fn addresses(db: &impl ConnectionTrait, config: CarrierConfigId) -> Result<Vec<String>> {
    let rows = number::Entity::find().filter(number::Column::CarrierConfigId.eq(config)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.address).collect())
}

/// Makes the rows in `numbers` what the config says. CONFLICT when another config of the account has one of them.
pub async fn write(
    tx: &Tx,
    config: &carrier_config::Model,
    holder: OrganizationId,
    senders: &Senders,
    now: DateTime<Utc>,
) -> Result<()> {
    let addresses = || senders.addresses.iter().cloned();
    let of_config = number::Column::CarrierConfigId.eq(config.id);
    let gone = number::Column::Address.is_not_in(addresses());
    number::Entity::delete_many().filter(of_config.clone()).filter(gone).exec(&**tx).await?;
    refuse_taken(&**tx, config, senders).await?;
    number::Entity::update_many()
        .col_expr(number::Column::Account, Expr::value(config.account.clone()))
        .col_expr(number::Column::IsPrimary, Expr::value(false))
        .filter(of_config.clone())
        .exec(&**tx)
        .await
        .map_err(taken)?;
    let known = number::Entity::find().filter(of_config.clone()).all(&**tx).await?;
    let known: BTreeSet<String> = known.into_iter().map(|row| row.address).collect();
    let new = senders.addresses.difference(&known).map(|address| row(config, holder, address, now));
    let new: Vec<number::ActiveModel> = new.collect();
    if !new.is_empty() {
        number::Entity::insert_many(new).exec_without_returning(&**tx).await.map_err(taken)?;
    }
    number::Entity::update_many()
        .col_expr(number::Column::IsPrimary, Expr::value(true))
        .filter(of_config)
        .filter(number::Column::Address.eq(senders.primary().unwrap_or_default()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn row(
    config: &carrier_config::Model,
    holder: OrganizationId,
    address: &str,
    now: DateTime<Utc>,
) -> number::ActiveModel {
    let country = PhoneNumber::parse_e164(address).ok().and_then(|number| number.country());
    number::ActiveModel {
        id: Set(NumberId::new()),
        organization_id: Set(holder),
        carrier_config_id: Set(config.id),
        account: Set(config.account.clone()),
        address: Set(address.to_owned()),
        country: Set(country.map(|country| country.as_str().to_owned())),
        status: Set(NumberStatus::Active),
        is_primary: Set(false),
        created_at: Set(now),
    }
}

async fn refuse_taken(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    senders: &Senders,
) -> Result<()> {
    let other = number::Entity::find()
        .filter(number::Column::Account.eq(config.account.as_str()))
        .filter(number::Column::Address.is_in(senders.addresses.iter().cloned()))
        .filter(number::Column::CarrierConfigId.ne(config.id))
        .one(db)
        .await?;
    match other {
        None => Ok(()),
        Some(row) => Err(conflict(format!(
            "The sender {} belongs to another config of this carrier account.",
            row.address
        ))),
    }
}

fn taken(error: DbErr) -> Error {
    if is_unique_violation(&error) {
        return conflict("One of the senders belongs to another config of this carrier account.".into());
    }
    error.into()
}

fn conflict(text: String) -> Error {
    Error::new(ErrorCode::Conflict, text).at(&["senders"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

    fn after(
        listed: Option<&[&str]>,
        default: MaybeUndefined<&str>,
        service: MaybeUndefined<&str>,
    ) -> Result<Senders> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let input = SendersInput {
            listed: listed.map(owned),
            default: default.map_value(str::to_owned),
            service: service.map_value(str::to_owned),
        };
        Senders::after(None, vec!["+14155550100".into()], input, Region::US)
    }

    use MaybeUndefined::{Null, Undefined, Value};

    #[test]
    fn the_first_one_sends_where_none_is_named() {
        let senders = after(Some(&["(415) 555-0102", "72404"]), Undefined, Undefined).unwrap();
        assert_eq!(senders.default.as_deref(), Some("+14155550102"));
        assert_eq!(senders.addresses.len(), 2);
        let named = after(Some(&["72404"]), Value("+14155550103"), Undefined).unwrap();
        assert_eq!(named.primary(), Some("+14155550103"));
        assert!(named.addresses.contains("+14155550103"), "a default sender is a sender");
    }

    #[test]
    fn a_service_sends_before_a_single_sender() {
        let senders = after(None, Undefined, Value(SERVICE)).unwrap();
        assert_eq!(senders.primary(), Some(SERVICE));
        assert_eq!(senders.default, None);
        assert_eq!(senders.addresses.len(), 2);
    }

    #[test]
    fn nothing_to_send_from_and_malformed_senders_are_refused() {
        assert_eq!(after(Some(&[]), Undefined, Undefined).unwrap_err().field, ["input", "senders"]);
        assert_eq!(after(Some(&["12"]), Undefined, Undefined).unwrap_err().code, ErrorCode::InvalidNumber);
        let service = after(None, Undefined, Value("MG1")).unwrap_err();
        assert_eq!(service.field, ["input", "messagingServiceSid"]);
        assert!(after(Some(&["ACME"]), Null, Null).is_ok());
    }
}

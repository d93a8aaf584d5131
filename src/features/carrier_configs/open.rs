//! From a config's row to a client of its account. Secrets leave their sealed form here, for the time of a call.

use entity::carrier_config;
use secrecy::SecretString;

use super::credentials::Credentials;
use crate::{
    base::{
        ctx::Hub,
        error::{Error, Result},
    },
    carriers::{
        Carrier,
        twilio::{self, Outside, TwilioAccount},
    },
};

/// The carrier of a config. Cheap: connections and the account's breaker are shared by the process.
pub fn open(hub: &Hub, config: &carrier_config::Model) -> Result<Carrier> {
    let credentials = Credentials::open(&hub.keyring, config)?;
    let account_sid = config.account_id.parse().map_err(Error::internal)?;
    let account = TwilioAccount {
        credentials: credentials.for_account(account_sid),
        base_url: config.base_url.parse().map_err(Error::internal)?,
    };
    let outside = Outside { carrier: hub.http.clone(), media: hub.media.clone() };
    Ok(twilio::connect(account, &outside, hub.breakers.of(&config.account)))
}

/// Every token that the carrier may have signed a webhook of this config with; two while one is being rotated.
pub fn webhook_tokens(hub: &Hub, config: &carrier_config::Model) -> Result<Vec<SecretString>> {
    Ok(Credentials::open(&hub.keyring, config)?.webhook_tokens())
}

//! The addresses to paste into the carrier's console, and those that each message carries.

use entity::ids::{AttemptId, CarrierConfigId};

use crate::config::Config;

/// Where the carrier posts incoming messages of a config.
pub fn incoming_address(config: &Config, id: CarrierConfigId) -> String {
    format!("{}/messages", root(config, id))
}

/// Where the carrier posts the receipts of one attempt; the signature covers the address, so it cannot be altered.
pub fn status_address(config: &Config, id: CarrierConfigId, attempt: AttemptId) -> String {
    format!("{}/status/{attempt}", root(config, id))
}

/// The form of [`status_address`], for people.
pub fn status_pattern(config: &Config, id: CarrierConfigId) -> String {
    format!("{}/status/{{attempt}}", root(config, id))
}

fn root(config: &Config, id: CarrierConfigId) -> String {
    format!("{}/webhooks/twilio/{id}", config.public_url.as_str().trim_end_matches('/'))
}

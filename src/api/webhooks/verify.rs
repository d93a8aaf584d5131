//! From a request to a webhook that is believed: signed by the account's own secret, over our public address, and about the
//! account itself. Host and X-Forwarded headers count for nothing here.

use std::{net::IpAddr, time::Duration};

use axum::{body::to_bytes, extract::Request};
use bytes::Bytes;
use entity::carrier_config;
use http::HeaderMap;
use tokio::time::timeout;

use super::answer::Refusal;
use crate::{
    api::client,
    base::ctx::{Hub, RequestInfo},
    carriers::twilio::{VerifiedForm, WebhookRequest},
    features::carrier_configs::open,
};

/// How long a carrier may take to send a body.
const READING: Duration = Duration::from_secs(10);

/// A request as it came in.
pub(super) struct Heard {
    url: String,
    headers: HeaderMap,
    body: Bytes,
    from: Option<IpAddr>,
}

/// A webhook that the config's account signed.
pub(super) struct Believed {
    pub config: carrier_config::Model,
    pub form: VerifiedForm,
}

/// Reads the body within its bound; the signature of a larger one is not even computed.
pub(super) async fn read(hub: &Hub, request: Request) -> Result<Heard, Refusal> {
    let (parts, body) = request.into_parts();
    let proxies = &hub.config.door.proxies;
    let info = parts.extensions.get::<RequestInfo>().cloned();
    let info = info.unwrap_or_else(|| client::request_info(&parts.headers, &parts.extensions, proxies));
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", hub.config.public_url.as_str().trim_end_matches('/'));
    let whole = timeout(READING, to_bytes(body, hub.config.door.webhook_body_limit)).await;
    let Ok(whole) = whole else {
        warn(None, info.ip, "too_slow");
        return Err(Refusal::TooSlow);
    };
    let Ok(body) = whole else {
        warn(None, info.ip, "too_large");
        return Err(Refusal::TooLarge);
    };
    Ok(Heard { url, headers: parts.headers, body, from: info.ip })
}

/// Believes a request, or says why not. Unknown configs are refused like wrong signatures.
pub(super) fn believe(
    hub: &Hub,
    config: Option<carrier_config::Model>,
    heard: &Heard,
) -> Result<Believed, Refusal> {
    let Some(config) = config else {
        warn(None, heard.from, "unknown_config");
        return Err(Refusal::NotBelieved("unknown_config"));
    };
    let secrets = open::webhook_tokens(hub, &config)?;
    let request = WebhookRequest { url: &heard.url, headers: &heard.headers, body: &heard.body };
    let refuse = |config: &carrier_config::Model, reason| {
        warn(Some(config), heard.from, reason);
        Refusal::NotBelieved(reason)
    };
    // Whoever named an account that the carrier does not let him into could sign for it himself.
    if config.organization_id.is_some() && config.proven_at.is_none() {
        return Err(refuse(&config, "unproven_config"));
    }
    let form = request.verify_form(&secrets).map_err(|refused| refuse(&config, refused.reason()))?;
    match form.get("AccountSid") {
        Some(account) if account != config.account_id => Err(refuse(&config, "foreign_account")),
        _ => Ok(Believed { config, form }),
    }
}

/// The security event: who tried, as far as may be logged, and nothing of what was sent.
fn warn(config: Option<&carrier_config::Model>, from: Option<IpAddr>, reason: &'static str) {
    let config = config.map(|config| config.id.to_string());
    let from = from.map(network);
    tracing::warn!(suspicious = true, config, from, reason, "a webhook was refused");
}

/// The network of an address: a /24 of IPv4, a /48 of IPv6.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.•")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:•")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_show_networks_and_no_hosts() {
        assert_eq!(network("203.0.113.77".parse().unwrap()), "203.0.113.•");
        assert_eq!(network("::ffff:203.0.113.77".parse().unwrap()), "203.0.113.•");
        assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:•");
    }
}

//! The account and its numbers on Twilio's wire. Pure.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::messages::{filled, parse_success};
use crate::base::http::HttpResponse;
use crate::carriers::error::CarrierError;
use crate::carriers::messaging::{AccountInfo, RemoteSender};

/// The account; its Auth Token, which the answer holds too, is not read.
pub(super) fn parse_account(response: &HttpResponse) -> Result<AccountInfo, CarrierError> {
    #[derive(Deserialize)]
    struct Wire {
        sid: String,
        friendly_name: Option<String>,
        status: Option<String>,
        r#type: Option<String>,
    }
    let wire: Wire = parse_success(response)?;
    Ok(AccountInfo {
        sid: wire.sid,
        friendly_name: filled(wire.friendly_name),
        status: filled(wire.status),
        kind: filled(wire.r#type),
    })
}

/// A page of the account's numbers.
pub(super) struct SenderPage {
    pub(super) senders: Vec<RemoteSender>,
    pub(super) next: Option<String>,
}

/// A page of the account's numbers, or the carrier's error.
pub(super) fn parse_senders(response: &HttpResponse) -> Result<SenderPage, CarrierError> {
    #[derive(Deserialize)]
    struct Page {
        incoming_phone_numbers: Vec<Wire>,
        next_page_uri: Option<String>,
    }
    let page: Page = parse_success(response)?;
    let senders = page.incoming_phone_numbers.into_iter().map(RemoteSender::from).collect();
    Ok(SenderPage { senders, next: page.next_page_uri })
}

#[derive(Deserialize)]
struct Wire {
    sid: String,
    phone_number: String,
    friendly_name: Option<String>,
    #[serde(default)]
    capabilities: HashMap<String, Value>,
}

impl From<Wire> for RemoteSender {
    /// Names of capabilities are read without regard to case: live answers use both.
    fn from(wire: Wire) -> Self {
        let can = |name: &str| {
            wire.capabilities
                .iter()
                .any(|(key, can)| key.eq_ignore_ascii_case(name) && *can == Value::Bool(true))
        };
        Self {
            sms: can("sms"),
            mms: can("mms"),
            voice: can("voice"),
            sid: wire.sid,
            phone_number: wire.phone_number,
            friendly_name: filled(wire.friendly_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    fn answer(body: &Value) -> HttpResponse {
        HttpResponse { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_string().into() }
    }

    #[test]
    fn the_account_is_read_without_its_token() {
        let body = json!({ "sid": "AC1", "friendly_name": "Acme", "status": "active", "type": "Trial", "auth_token": "x" });
        let account = parse_account(&answer(&body)).expect("an account");
        assert_eq!(account.friendly_name.as_deref(), Some("Acme"));
        assert_eq!((account.status.as_deref(), account.kind.as_deref()), (Some("active"), Some("Trial")));
    }

    #[test]
    fn capabilities_are_read_in_either_case() {
        let body = json!({ "next_page_uri": "/x?Page=1", "incoming_phone_numbers": [
            { "sid": "PN1", "phone_number": "+18089255327", "friendly_name": "",
              "capabilities": { "voice": true, "sms": false, "mms": true, "fax": false } },
            { "sid": "PN2", "phone_number": "+18089255328", "capabilities": { "SMS": true } },
            { "sid": "PN3", "phone_number": "+18089255329" },
        ]});
        let page = parse_senders(&answer(&body)).expect("a page");
        let abilities: Vec<_> = page.senders.iter().map(|s| (s.sms, s.mms, s.voice)).collect();
        assert_eq!(abilities, [(false, true, true), (true, false, false), (false, false, false)]);
        assert_eq!(page.next.as_deref(), Some("/x?Page=1"));
    }
}

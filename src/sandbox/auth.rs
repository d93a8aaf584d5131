//! Who calls Twilio's API: Basic credentials, either Account SID and Auth Token or API key and secret,
//! checked against the account in the path. Nothing else is decided here.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{errors::Refusal, state::Sandbox};

/// A caller who may act for the account in the path.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) by_key: bool,
}

impl FromRequestParts<Arc<Sandbox>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, sandbox: &Arc<Sandbox>) -> Result<Self, Refusal> {
        let caller = basic(&parts.headers).and_then(|(user, password)| {
            let accounts = sandbox.accounts();
            let (account, by_key) = accounts.authenticate(&user, &password)?;
            Some(Self { account: account.sid.clone(), by_key })
        });
        let Some(caller) = caller else {
            sandbox.stats().unauthorized += 1;
            return Err(Refusal::unauthorized());
        };
        if account_in(parts.uri.path()) == Some(&caller.account) {
            Ok(caller)
        } else {
            Err(Refusal::not_found(parts.uri.path()))
        }
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn account_in(path: &str) -> Option<&str> {
    let segment = path.split('/').nth(3)?;
    Some(segment.strip_suffix(".json").unwrap_or(segment))
}

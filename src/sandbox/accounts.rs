//! The emulated accounts with their keys, numbers and services, and the Account resource. Messages are
//! elsewhere.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{ConnectInfo, OriginalUri, State},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    auth::Caller,
    clock,
    connection::Peer,
    errors::Refusal,
    faults::{Occasion, Operation},
    mishap,
    numbers::NumberState,
    settings::{Account, Service},
    state::Sandbox,
};

/// An account and all that hangs on it.
#[derive(Clone)]
pub(super) struct AccountState {
    pub(super) sid: String,
    pub(super) auth_token: String,
    pub(super) services: Vec<Service>,
    pub(super) numbers: Vec<NumberState>,
    pub(super) handles_stop: bool,
    pub(super) advanced_opt_out: bool,
    created: DateTime<Utc>,
}

impl AccountState {
    pub(super) fn service(&self, sid: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.sid == sid)
    }

    pub(super) fn number(&self, phone_number: &str) -> Option<&NumberState> {
        self.numbers.iter().find(|number| number.phone_number == phone_number)
    }

    /// The service whose pool holds the number, if any.
    pub(super) fn service_of(&self, phone_number: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.numbers.iter().any(|number| number == phone_number))
    }

    /// What an opt-out from this number is recorded against: its service, else the number.
    pub(super) fn opt_out_scope(&self, phone_number: &str) -> String {
        self.service_of(phone_number).map_or_else(|| phone_number.to_owned(), |service| service.sid.clone())
    }

    fn to_json(&self, show_token: bool) -> Value {
        let path = format!("/2010-04-01/Accounts/{}", self.sid);
        json!({
            "auth_token": show_token.then_some(&self.auth_token),
            "date_created": clock::rfc2822(self.created),
            "date_updated": clock::rfc2822(self.created),
            "friendly_name": "PhoneHub sandbox",
            "owner_account_sid": self.sid,
            "sid": self.sid,
            "status": "active",
            "subresource_uris": {
                "incoming_phone_numbers": format!("{path}/IncomingPhoneNumbers.json"),
                "messages": format!("{path}/Messages.json"),
            },
            "type": "Full",
            "uri": format!("{path}.json"),
        })
    }
}

/// All accounts, found by SID or by API key.
#[derive(Default)]
pub(super) struct Accounts {
    by_sid: HashMap<String, AccountState>,
    keys: HashMap<String, (String, String)>,
}

impl Accounts {
    /// Adds an account, or replaces the one of the same SID.
    pub(super) fn put(&mut self, account: Account) {
        let created = clock::now();
        self.keys.retain(|_, (_, owner)| *owner != account.sid);
        for (sid, secret) in account.api_keys {
            self.keys.insert(sid, (secret, account.sid.clone()));
        }
        let numbers = account.numbers.into_iter();
        let numbers = numbers.map(|number| NumberState::new(&account.sid, number, created)).collect();
        let state = AccountState {
            sid: account.sid.clone(),
            auth_token: account.auth_token,
            services: account.services,
            numbers,
            handles_stop: account.handles_stop,
            advanced_opt_out: account.advanced_opt_out,
            created,
        };
        self.by_sid.insert(account.sid, state);
    }

    pub(super) fn get(&self, sid: &str) -> Option<&AccountState> {
        self.by_sid.get(sid)
    }

    pub(super) fn get_mut(&mut self, sid: &str) -> Option<&mut AccountState> {
        self.by_sid.get_mut(sid)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &AccountState> {
        self.by_sid.values()
    }

    /// The account that owns the number, the given one if several do.
    pub(super) fn owner(&self, phone_number: &str, preferred: Option<&str>) -> Option<&AccountState> {
        let owns = |account: &&AccountState| account.number(phone_number).is_some();
        match preferred {
            Some(sid) => self.by_sid.get(sid).filter(owns),
            None => self.by_sid.values().filter(owns).min_by(|a, b| a.sid.cmp(&b.sid)),
        }
    }

    /// The account behind Basic credentials, and whether an API key opened it.
    pub(super) fn authenticate(&self, user: &str, password: &str) -> Option<(&AccountState, bool)> {
        if let Some((secret, owner)) = self.keys.get(user) {
            return (secret == password)
                .then(|| self.by_sid.get(owner))
                .flatten()
                .map(|account| (account, true));
        }
        let account = self.by_sid.get(user)?;
        (account.auth_token == password).then_some((account, false))
    }
}

/// `GET /2010-04-01/Accounts/{sid}.json`. An API key is not shown the Auth Token.
pub(super) async fn fetch(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    OriginalUri(uri): OriginalUri,
    caller: Caller,
) -> Response {
    let occasion = Occasion { operation: Operation::Account, account: &caller.account, to: None, from: None };
    let fault = sandbox.faults().strike_request(occasion);
    mishap::under(fault, &peer, async move {
        let is_json = uri.path().strip_suffix(".json").is_some();
        let accounts = sandbox.accounts();
        match accounts.get(&caller.account) {
            Some(account) if is_json => Json(account.to_json(!caller.by_key)).into_response(),
            _ => Refusal::not_found(uri.path()).into_response(),
        }
    })
    .await
}

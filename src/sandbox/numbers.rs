//! The `IncomingPhoneNumbers` resource: list, fetch, and update of the webhook addresses. Buying and
//! releasing come with their issue.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, OriginalUri, Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    auth::Caller,
    clock,
    connection::Peer,
    create::is_web_address,
    errors::Refusal,
    faults::{Occasion, Operation},
    inbound::Hook,
    mishap,
    paging::{Cursor, ListUri, Page, PageRequest},
    params::Params,
    settings::Number,
    sid,
    state::Sandbox,
};

/// A number with what its owner has configured. Empty strings mean "none", as in Twilio's answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NumberState {
    pub(super) sid: String,
    pub(super) account: String,
    pub(super) phone_number: String,
    friendly_name: String,
    sms_url: String,
    sms_method: String,
    sms_fallback_url: String,
    sms_fallback_method: String,
    status_callback: String,
    voice_url: String,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
}

impl NumberState {
    pub(super) fn new(account: &str, number: Number, created: DateTime<Utc>) -> Self {
        Self {
            sid: sid::stable("PN", &format!("{account}{}", number.phone_number)),
            account: account.to_owned(),
            friendly_name: number.phone_number.clone(),
            phone_number: number.phone_number,
            sms_url: number.sms_url.unwrap_or_default(),
            sms_method: "POST".to_owned(),
            sms_fallback_url: String::new(),
            sms_fallback_method: "POST".to_owned(),
            status_callback: String::new(),
            voice_url: String::new(),
            created,
            updated: created,
        }
    }

    /// Where an inbound message is announced, in the order of trying.
    pub(super) fn sms_hooks(&self) -> Vec<Hook> {
        let hooks = [(&self.sms_url, &self.sms_method), (&self.sms_fallback_url, &self.sms_fallback_method)];
        hooks
            .into_iter()
            .filter(|(url, _)| !url.is_empty())
            .map(|(url, method)| (url.clone(), method == "GET"))
            .collect()
    }

    fn change(&mut self, params: &Params) -> Result<(), Refusal> {
        let fields = [
            ("FriendlyName", &mut self.friendly_name),
            ("SmsUrl", &mut self.sms_url),
            ("SmsMethod", &mut self.sms_method),
            ("SmsFallbackUrl", &mut self.sms_fallback_url),
            ("SmsFallbackMethod", &mut self.sms_fallback_method),
            ("StatusCallback", &mut self.status_callback),
            ("VoiceUrl", &mut self.voice_url),
        ];
        for (name, field) in fields {
            let Some(value) = params.get(name) else { continue };
            let is_address = name.ends_with("Url") || name == "StatusCallback";
            if is_address && !value.is_empty() && !is_web_address(value) {
                return Err(Refusal::bad(21402, format!("{name} is not a valid URL")));
            }
            if name.ends_with("Method") && !matches!(value, "GET" | "POST") {
                return Err(Refusal::bad(21403, format!("{name} must be GET or POST")));
            }
            value.clone_into(field);
        }
        self.updated = clock::now();
        Ok(())
    }

    fn to_json(&self) -> Value {
        json!({
            "account_sid": self.account,
            "address_requirements": "none",
            "address_sid": null,
            "api_version": "2010-04-01",
            "beta": false,
            "bundle_sid": null,
            "capabilities": { "fax": false, "mms": true, "sms": true, "voice": true },
            "date_created": clock::rfc2822(self.created),
            "date_updated": clock::rfc2822(self.updated),
            "emergency_address_sid": null,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "friendly_name": self.friendly_name,
            "identity_sid": null,
            "origin": "twilio",
            "phone_number": self.phone_number,
            "sid": self.sid,
            "sms_application_sid": "",
            "sms_fallback_method": self.sms_fallback_method,
            "sms_fallback_url": self.sms_fallback_url,
            "sms_method": self.sms_method,
            "sms_url": self.sms_url,
            "status": "in-use",
            "status_callback": self.status_callback,
            "status_callback_method": "POST",
            "trunk_sid": null,
            "type": "local",
            "uri": format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers/{}.json", self.account, self.sid),
            "voice_application_sid": "",
            "voice_caller_id_lookup": false,
            "voice_fallback_method": "POST",
            "voice_fallback_url": "",
            "voice_method": "POST",
            "voice_receive_mode": "voice",
            "voice_url": self.voice_url,
        })
    }
}

/// Whether `number` holds the pattern: digits, `*` for any one of them, anywhere in it.
fn holds(number: &str, pattern: &str) -> bool {
    let same = |window: &[u8]| {
        window.iter().zip(pattern.as_bytes()).all(|(digit, wanted)| *wanted == b'*' || digit == wanted)
    };
    pattern.is_empty() || number.as_bytes().windows(pattern.len()).any(same)
}

/// `GET …/IncomingPhoneNumbers.json`
pub(super) async fn list(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Response {
    let occasion = Occasion { operation: Operation::Numbers, account: &caller.account, to: None, from: None };
    let fault = sandbox.faults().strike_request(occasion);
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    mishap::under(fault, &peer, async move {
        match page(&sandbox, &caller.account, uri.path(), &params) {
            Ok(answer) => Json(answer).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    })
    .await
}

fn page(sandbox: &Sandbox, account: &str, path: &str, params: &Params) -> Result<Value, Refusal> {
    let request = PageRequest::parse(params)?;
    let accounts = sandbox.accounts();
    let account = accounts.get(account).ok_or_else(|| Refusal::not_found(path))?;
    let pattern = params.get("PhoneNumber").unwrap_or_default();
    let name = params.filled("FriendlyName");
    let wanted = |number: &&NumberState| {
        holds(&number.phone_number, pattern) && name.is_none_or(|name| name == number.friendly_name)
    };
    let found: Vec<&NumberState> = account.numbers.iter().filter(wanted).collect();
    let skip = match request.cursor {
        Cursor::Skip(count) => count,
        Cursor::After(position) => usize::try_from(position).unwrap_or(usize::MAX),
        Cursor::Before(position) => {
            usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(request.size)
        }
    };
    let items: Vec<_> = found.iter().skip(skip).take(request.size).map(|number| number.to_json()).collect();
    let end = skip.saturating_add(items.len());
    let more = found.len() > end;
    let list = ListUri { path, params, request };
    Ok(list.answer("incoming_phone_numbers", Page { items, more }, Some((skip as u64, end as u64))))
}

fn named<'a>(numbers: &'a mut [NumberState], file: &str) -> Option<&'a mut NumberState> {
    let sid = file.strip_suffix(".json")?;
    numbers.iter_mut().find(|number| number.sid == sid)
}

/// `GET …/IncomingPhoneNumbers/{PN}.json`
pub(super) async fn fetch(
    State(sandbox): State<Arc<Sandbox>>,
    OriginalUri(uri): OriginalUri,
    Path((_, file)): Path<(String, String)>,
    caller: Caller,
) -> Result<Json<Value>, Refusal> {
    let mut accounts = sandbox.accounts();
    let account = accounts.get_mut(&caller.account);
    let number = account.and_then(|account| named(&mut account.numbers, &file));
    number.map(|number| Json(number.to_json())).ok_or_else(|| Refusal::not_found(uri.path()))
}

/// `POST …/IncomingPhoneNumbers/{PN}.json`
pub(super) async fn update(
    State(sandbox): State<Arc<Sandbox>>,
    OriginalUri(uri): OriginalUri,
    Path((_, file)): Path<(String, String)>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let mut accounts = sandbox.accounts();
    let account = accounts.get_mut(&caller.account);
    let number = account.and_then(|account| named(&mut account.numbers, &file));
    let number = number.ok_or_else(|| Refusal::not_found(uri.path()))?;
    let mut changed = number.clone();
    changed.change(&Params::parse(&body))?;
    *number = changed;
    sandbox.store().configure(number);
    Ok(Json(number.to_json()))
}

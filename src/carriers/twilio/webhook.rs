//! Webhooks, verified and parsed in one step: what is not signed by one of the account's secrets cannot be
//! constructed, so no code behind this module ever holds an unverified event.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use secrecy::SecretString;
use serde_json::Value;
use url::form_urlencoded;

use super::signature::{self, Algorithm, Signed};

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const FORM: &str = "application/x-www-form-urlencoded";
/// The query key under which the URL of a JSON webhook carries the hash of its body.
const BODY_HASH: &str = "bodySHA256";

/// A request as it came in, not yet believed.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The configured public base URL with the request's path and query, as the carrier requested it. Never from
    /// `Host` or `X-Forwarded-*`, which anybody can set.
    pub url: &'a str,
    /// As received.
    pub headers: &'a HeaderMap,
    /// As received; empty for GET.
    pub body: &'a [u8],
}

/// Why a request is not believed. Answer 403, store nothing, count it by `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no signature, or more than one.
    #[error("the request is not signed")]
    Unsigned,
    /// None of the account's secrets made it.
    #[error("the signature is wrong")]
    WrongSignature,
    /// A hash that we do not know.
    #[error("the signature's algorithm is unknown")]
    UnknownAlgorithm,
    /// Neither a form nor JSON, whichever was expected.
    #[error("the content type is not the expected one")]
    ContentType,
    /// The body of a JSON request is not the one that was signed.
    #[error("the body is not the one that was signed")]
    AlteredBody,
    /// Signed, yet not JSON.
    #[error("the body cannot be read")]
    Unreadable,
}

impl Refused {
    /// A stable word for metrics and logs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::WrongSignature => "wrong_signature",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::ContentType => "content_type",
            Self::AlteredBody => "altered_body",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A signed webhook that lacks what its kind must have: the carrier's mistake or an unknown kind. Answer 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook has no {field}")]
pub struct Malformed {
    /// The parameter that is missing or unreadable.
    pub field: &'static str,
}

/// The parameters of a verified form webhook; only `WebhookRequest::verify_form` makes one. `Debug` shows
/// the names alone.
pub struct VerifiedForm {
    fields: BTreeMap<String, String>,
}

/// The body of a verified JSON webhook; only `WebhookRequest::verify_json` makes one.
pub struct VerifiedJson {
    value: Value,
}

impl WebhookRequest<'_> {
    /// Verifies a form webhook with any of the account's secrets. A request without body (GET) has its parameters in
    /// the query, which the URL's signature covers.
    pub fn verify_form(&self, secrets: &[SecretString]) -> Result<VerifiedForm, Refused> {
        if self.body.is_empty() {
            self.verify(&[], secrets)?;
            let query = self.url.split_once('?').map_or("", |(_, query)| query);
            return Ok(VerifiedForm::new(form_urlencoded::parse(query.as_bytes()).into_owned()));
        }
        if self.media_type() != FORM {
            return Err(Refused::ContentType);
        }
        let params: Vec<(String, String)> = form_urlencoded::parse(self.body).into_owned().collect();
        self.verify(&params, secrets)?;
        Ok(VerifiedForm::new(params))
    }

    /// Verifies a JSON webhook: the signature covers the URL, and the URL carries the body's hash.
    pub fn verify_json(&self, secrets: &[SecretString]) -> Result<VerifiedJson, Refused> {
        if self.media_type() == FORM {
            return Err(Refused::ContentType);
        }
        self.verify(&[], secrets)?;
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let hash = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == BODY_HASH);
        let (_, hash) = hash.ok_or(Refused::AlteredBody)?;
        if !signature::is_digest_of(&hash, self.body) {
            return Err(Refused::AlteredBody);
        }
        let value = serde_json::from_slice(self.body).map_err(|_| Refused::Unreadable)?;
        Ok(VerifiedJson { value })
    }

    fn verify(&self, params: &[(String, String)], secrets: &[SecretString]) -> Result<(), Refused> {
        let signature = self.only(SIGNATURE).ok_or(Refused::Unsigned)?;
        let algorithm = if self.headers.contains_key(SETTINGS) {
            self.only(SETTINGS).and_then(Algorithm::from_settings).ok_or(Refused::UnknownAlgorithm)?
        } else {
            Algorithm::Sha1
        };
        let signed = Signed { url: self.url, params, signature, algorithm };
        if signature::is_valid(&signed, secrets) { Ok(()) } else { Err(Refused::WrongSignature) }
    }

    fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }

    fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

impl VerifiedForm {
    /// Takes parameters over as they can be stored: PostgreSQL has no NUL in text, so it is left out, whoever sent it.
    fn new(params: impl IntoIterator<Item = (String, String)>) -> Self {
        let storable = |text: String| if text.contains('\0') { text.replace('\0', "") } else { text };
        let fields = params.into_iter().map(|(name, value)| (storable(name), storable(value)));
        Self { fields: fields.collect() }
    }

    /// A parameter; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that this kind of webhook always has.
    pub fn require(&self, name: &'static str) -> Result<&str, Malformed> {
        self.get(name).ok_or(Malformed { field: name })
    }

    /// Everything that was sent, for the stored receipt. A repeated name keeps its last value.
    pub fn fields(&self) -> &BTreeMap<String, String> {
        &self.fields
    }

    /// What `known` does not name: parameters that the carrier added later.
    pub(super) fn others(&self, known: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
        self.fields.iter().filter(|(name, _)| !known(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }
}

impl VerifiedJson {
    /// The document.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

#[cfg(test)]
pub(super) mod tests;

//! Twilio's addresses: where each request goes, and with what. Pure; paths of `specs/twilio_api_v2010.json`.

use std::str::FromStr;

use url::Url;

use super::credentials::TwilioCredentials;
use super::messages;
use crate::base::http::{Basic, HttpRequest};
use crate::carriers::error::{CarrierError, ErrorKind};
use crate::carriers::messaging::{FindQuery, Outgoing, Sender};

/// Where Twilio itself answers.
pub const DEFAULT_BASE_URL: &str = "https://api.twilio.com";

/// Messages of a list's page; the carrier's default. A pair of numbers rarely has more.
const MESSAGES_PER_PAGE: &str = "50";
/// Numbers of a list's page.
const SENDERS_PER_PAGE: &str = "500";

/// The root that all of the carrier's paths stand under; a sandbox serves them too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// The input is no root to stand paths under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a base URL is http or https with a host, and without credentials, query and fragment")]
pub struct NotABaseUrl;

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(url).map_err(|_| NotABaseUrl)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let valid = plain && url.has_host() && matches!(url.scheme(), "http" | "https");
        valid.then_some(Self(url)).ok_or(NotABaseUrl)
    }
}

impl BaseUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    fn under(&self, path: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// Builds requests of one account.
#[derive(Debug, Clone)]
pub(super) struct Api {
    base: BaseUrl,
    account: String,
    basic: Basic,
}

impl Api {
    pub(super) fn new(base: BaseUrl, credentials: &TwilioCredentials) -> Self {
        Self { base, account: credentials.account_sid.as_str().to_owned(), basic: credentials.basic() }
    }

    pub(super) fn account_sid(&self) -> &str {
        &self.account
    }

    pub(super) fn create_message(&self, message: &Outgoing) -> HttpRequest {
        self.signed(HttpRequest::post(self.resource(&["Messages.json"]), messages::create_form(message)))
    }

    /// By recipient, and by sender where it is a number. The carrier has no filter by service.
    pub(super) fn list_messages(&self, query: &FindQuery) -> HttpRequest {
        let mut url = self.resource(&["Messages.json"]);
        url.query_pairs_mut().append_pair("To", &query.to);
        if let Sender::From(from) = &query.sender {
            url.query_pairs_mut().append_pair("From", from);
        }
        url.query_pairs_mut().append_pair("PageSize", MESSAGES_PER_PAGE);
        self.signed(HttpRequest::get(url))
    }

    /// The least that any credentials may read: a list of one message.
    pub(super) fn probe_messages(&self) -> HttpRequest {
        let mut url = self.resource(&["Messages.json"]);
        url.query_pairs_mut().append_pair("PageSize", "1");
        self.signed(HttpRequest::get(url))
    }

    pub(super) fn fetch_message(&self, sid: &str) -> Result<HttpRequest, CarrierError> {
        Ok(self.signed(HttpRequest::get(self.message(sid)?)))
    }

    pub(super) fn cancel_message(&self, sid: &str) -> Result<HttpRequest, CarrierError> {
        let form = vec![("Status", "canceled".to_owned())];
        Ok(self.signed(HttpRequest::post(self.message(sid)?, form)))
    }

    pub(super) fn redact_message(&self, sid: &str) -> Result<HttpRequest, CarrierError> {
        let form = vec![("Body", String::new())];
        Ok(self.signed(HttpRequest::post(self.message(sid)?, form)))
    }

    pub(super) fn delete_message(&self, sid: &str) -> Result<HttpRequest, CarrierError> {
        Ok(self.signed(HttpRequest::delete(self.message(sid)?)))
    }

    pub(super) fn list_media(&self, sid: &str) -> Result<HttpRequest, CarrierError> {
        Ok(self.signed(HttpRequest::get(self.resource(&["Messages", plain(sid)?, "Media.json"]))))
    }

    pub(super) fn delete_media(&self, sid: &str, file: &str) -> Result<HttpRequest, CarrierError> {
        let file = format!("{}.json", plain(file)?);
        Ok(self.signed(HttpRequest::delete(self.resource(&["Messages", plain(sid)?, "Media", &file]))))
    }

    pub(super) fn fetch_account(&self) -> HttpRequest {
        let file = format!("{}.json", self.account);
        self.signed(HttpRequest::get(self.base.under(&["2010-04-01", "Accounts", &file])))
    }

    pub(super) fn list_senders(&self) -> HttpRequest {
        let mut url = self.resource(&["IncomingPhoneNumbers.json"]);
        url.query_pairs_mut().append_pair("PageSize", SENDERS_PER_PAGE);
        self.signed(HttpRequest::get(url))
    }

    /// Follows an address that the carrier gave (`next_page_uri`, media) verbatim, but only at the carrier's own
    /// host: the credentials go nowhere else.
    pub(super) fn follow(&self, uri: &str) -> Result<HttpRequest, CarrierError> {
        let refused = || CarrierError::new(ErrorKind::Unreadable, "the address leads away from the carrier");
        let url = self.base.0.join(uri).map_err(|_| refused())?;
        if !self.owns(&url) {
            return Err(refused());
        }
        Ok(self.signed(HttpRequest::get(url)))
    }

    /// Whether an address is at the carrier's own scheme, host and port.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.base.0.origin()
    }

    fn signed(&self, request: HttpRequest) -> HttpRequest {
        request.with_basic(self.basic.clone())
    }

    fn resource(&self, path: &[&str]) -> Url {
        let mut full = vec!["2010-04-01", "Accounts", &self.account];
        full.extend(path);
        self.base.under(&full)
    }

    fn message(&self, sid: &str) -> Result<Url, CarrierError> {
        Ok(self.resource(&["Messages", &format!("{}.json", plain(sid)?)]))
    }
}

/// A SID, which cannot lead to another path.
fn plain(sid: &str) -> Result<&str, CarrierError> {
    if sid.is_empty() || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(CarrierError::new(ErrorKind::NotFound, "not a SID"));
    }
    Ok(sid)
}

#[cfg(test)]
mod tests;

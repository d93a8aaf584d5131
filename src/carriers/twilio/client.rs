//! Twilio's `Messaging`: builds a request, calls once, reads the answer. Decides nothing about repeating.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, LOCATION};
use url::Url;

use super::api::{Api, BaseUrl};
use super::credentials::{ApiAuth, TwilioCredentials};
use super::error::parse_error;
use super::{PROVIDER, messages, senders};
use crate::base::breaker::Breaker;
use crate::base::http::{HttpClient, HttpRequest, HttpResponse};
use crate::carriers::Carrier;
use crate::carriers::error::{CarrierError, ErrorKind};
use crate::carriers::executor::{Executor, Failure, failure};
use crate::carriers::messaging::{
    AccountInfo, FindQuery, Found, Media, Messaging, Outgoing, RemoteMessage, RemoteSender, SendOutcome,
};

/// Pages of numbers that are read; more than any account holds.
const MAX_SENDER_PAGES: usize = 20;
/// The carrier redirects media to its storage, once in practice.
const MAX_REDIRECTS: usize = 3;

/// One account, as a configuration describes it.
#[derive(Debug, Clone)]
pub struct TwilioAccount {
    /// What opens it.
    pub credentials: TwilioCredentials,
    /// Where it answers.
    pub base_url: BaseUrl,
}

/// The connections that all accounts share.
#[derive(Debug, Clone)]
pub struct Outside {
    /// For the carrier's API.
    pub carrier: HttpClient,
    /// For media behind a redirect, at a host that the carrier named; never gets credentials.
    pub media: HttpClient,
}

/// A client of one account. Cheap to make: connections and the account's breaker are shared.
#[derive(Debug)]
pub struct TwilioClient {
    api: Api,
    executor: Executor,
    media: HttpClient,
    reads_account: bool,
}

/// The carrier of an account.
pub fn connect(account: TwilioAccount, outside: &Outside, breaker: Arc<Breaker>) -> Carrier {
    Carrier { provider: PROVIDER, messaging: Some(Arc::new(TwilioClient::new(account, outside, breaker))) }
}

impl TwilioClient {
    /// A client that has called nobody yet.
    pub fn new(account: TwilioAccount, outside: &Outside, breaker: Arc<Breaker>) -> Self {
        Self {
            api: Api::new(account.base_url, &account.credentials),
            executor: Executor::new(PROVIDER, outside.carrier.clone(), breaker),
            media: outside.media.clone(),
            reads_account: matches!(account.credentials.auth, ApiAuth::AuthToken(_)),
        }
    }

    async fn read(
        &self,
        operation: &'static str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, CarrierError> {
        self.executor.call(operation, request).await.map_err(Failure::into_error)
    }

    async fn one(
        &self,
        operation: &'static str,
        request: &HttpRequest,
    ) -> Result<RemoteMessage, CarrierError> {
        messages::parse_message(&self.read(operation, request).await?)
    }

    async fn media_answer(&self, url: &Url) -> Result<HttpResponse, CarrierError> {
        if self.api.owns(url) {
            return self.read("fetch_media", &self.api.follow(url.as_str())?).await;
        }
        self.media.send(&HttpRequest::get(url.clone())).await.map_err(|error| failure(error).into_error())
    }
}

#[async_trait]
impl Messaging for TwilioClient {
    async fn send(&self, message: &Outgoing) -> SendOutcome {
        match self.executor.call("send_message", &self.api.create_message(message)).await {
            Ok(response) => messages::parse_send(&response),
            Err(Failure::Definite(error)) => SendOutcome::Refused(error),
            Err(Failure::InDoubt(error)) => SendOutcome::InDoubt(error),
        }
    }

    /// Reads on until a whole page is older than `since`, so a list that is not quite in order hides nothing.
    async fn find(&self, query: &FindQuery) -> Result<Found, CarrierError> {
        let mut found = Found { messages: Vec::new(), complete: false };
        let mut request = self.api.list_messages(query);
        for _ in 0..query.max_pages {
            let page = messages::parse_page(&self.read("list_messages", &request).await?)?;
            let all_older = !page.messages.is_empty()
                && page.messages.iter().all(|m| messages::is_before(m, query.since));
            found.messages.extend(page.messages.into_iter().filter(|m| messages::is_candidate(m, query)));
            let Some(next) = page.next.filter(|_| !all_older) else {
                found.complete = true;
                break;
            };
            request = self.api.follow(&next)?;
        }
        Ok(found)
    }

    async fn fetch(&self, sid: &str) -> Result<RemoteMessage, CarrierError> {
        self.one("fetch_message", &self.api.fetch_message(sid)?).await
    }

    async fn cancel(&self, sid: &str) -> Result<RemoteMessage, CarrierError> {
        self.one("cancel_message", &self.api.cancel_message(sid)?).await
    }

    async fn redact(&self, sid: &str) -> Result<RemoteMessage, CarrierError> {
        self.one("redact_message", &self.api.redact_message(sid)?).await
    }

    /// A message has ten files at most, which fit on one page.
    async fn delete_media(&self, sid: &str) -> Result<(), CarrierError> {
        let files = messages::parse_media(&self.read("list_media", &self.api.list_media(sid)?).await?)?;
        for file in files {
            let request = self.api.delete_media(sid, &file)?;
            messages::parse_deleted(&self.read("delete_media", &request).await?)?;
        }
        Ok(())
    }

    async fn delete(&self, sid: &str) -> Result<(), CarrierError> {
        messages::parse_deleted(&self.read("delete_message", &self.api.delete_message(sid)?).await?)
    }

    /// A standard API key may not read the account, so with one a list of messages stands as the proof.
    async fn check_account(&self) -> Result<AccountInfo, CarrierError> {
        if self.reads_account {
            return senders::parse_account(&self.read("fetch_account", &self.api.fetch_account()).await?);
        }
        messages::parse_page(&self.read("probe_messages", &self.api.probe_messages()).await?)?;
        let sid = self.api.account_sid().to_owned();
        Ok(AccountInfo { sid, friendly_name: None, status: None, kind: None })
    }

    async fn list_senders(&self) -> Result<Vec<RemoteSender>, CarrierError> {
        let mut all = Vec::new();
        let mut request = self.api.list_senders();
        for _ in 0..MAX_SENDER_PAGES {
            let page = senders::parse_senders(&self.read("list_senders", &request).await?)?;
            all.extend(page.senders);
            let Some(next) = page.next else { return Ok(all) };
            request = self.api.follow(&next)?;
        }
        Err(CarrierError::new(ErrorKind::Unreadable, "the carrier's list of numbers does not end"))
    }

    async fn fetch_media(&self, url: &str) -> Result<Media, CarrierError> {
        let mut url = self.api.follow(url)?.url;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.media_answer(&url).await?;
            if response.status.is_success() {
                return Ok(media(&response));
            }
            url = redirect(&url, &response).ok_or_else(|| parse_error(&response))?;
        }
        Err(CarrierError::new(ErrorKind::Unreadable, "media redirects do not end"))
    }
}

fn redirect(from: &Url, response: &HttpResponse) -> Option<Url> {
    if !response.status.is_redirection() {
        return None;
    }
    from.join(response.headers.get(LOCATION)?.to_str().ok()?).ok()
}

fn media(response: &HttpResponse) -> Media {
    let content_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Media {
        content_type: content_type.unwrap_or("application/octet-stream").to_owned(),
        bytes: response.body.clone(),
    }
}

#[cfg(test)]
mod tests;

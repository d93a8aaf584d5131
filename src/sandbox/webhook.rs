//! Calls the client's webhooks as Twilio does: form parameters, `X-Twilio-Signature`, its time-outs and its
//! retry rule. What is told, and when, is in `callbacks` and `inbound`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use reqwest::{Client, header::CONTENT_TYPE, redirect};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use url::form_urlencoded;

use super::{clock, overrides::Overrides};

/// Webhooks under way at the same time; the others wait, so that a load test does not run out of file
/// descriptors.
const CONCURRENT: usize = 256;
/// The largest `TwiML` that Twilio reads, in bytes (error 11750 beyond).
const LARGEST_ANSWER: usize = 64 * 1024;
/// Different time-outs for which a client is kept.
const CLIENTS: usize = 32;

/// A request to be made.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    /// As configured, with the fragment.
    pub(super) url: String,
    /// Parameters in the query instead of the body.
    pub(super) get: bool,
    pub(super) params: Vec<(&'static str, String)>,
}

/// One attempt at a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) at: DateTime<Utc>,
    /// HTTP status of the answer.
    pub(super) status: Option<u16>,
    /// Why there was none.
    pub(super) error: Option<String>,
}

/// All attempts at a webhook.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub(super) url: String,
    pub(super) attempts: Vec<Attempt>,
}

impl Delivery {
    /// The HTTP status of the last attempt.
    pub(super) fn status(&self) -> Option<u16> {
        self.attempts.last().and_then(|attempt| attempt.status)
    }

    pub(super) fn succeeded(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }
}

/// What the client answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) content_type: String,
    pub(super) body: String,
}

enum Failure {
    Connect(String),
    Read(String),
}

/// The HTTP side of all webhooks.
pub(super) struct Caller {
    clients: Mutex<HashMap<(Duration, Duration), Client>>,
    permits: Semaphore,
    retry_pause: Duration,
}

/// Twilio's signature: HMAC-SHA1 with the Auth Token over the URL and all parameters, sorted by name, in
/// Base64 (<https://www.twilio.com/docs/usage/security>).
pub(super) fn sign(auth_token: &str, url: &str, params: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let mut sorted: Vec<(&str, &str)> =
        params.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    sorted.sort_unstable();
    let mut signed = url.to_owned();
    for (key, value) in sorted {
        signed.push_str(key);
        signed.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

impl Caller {
    pub(super) fn new(retry_pause: Duration) -> Self {
        Self { clients: Mutex::default(), permits: Semaphore::new(CONCURRENT), retry_pause }
    }

    /// Calls a webhook until it answers or its attempts are used up.
    pub(super) async fn call(&self, webhook: &Webhook, auth_token: &str) -> (Delivery, Option<Answer>) {
        let mut delivery = Delivery { url: webhook.url.clone(), attempts: Vec::new() };
        let Ok(_permit) = self.permits.acquire().await else { return (delivery, None) };
        let (_, overrides) = Overrides::split(&webhook.url);
        let started = Instant::now();
        let token = super::sid::random("IT");
        loop {
            let left = overrides.total.saturating_sub(started.elapsed());
            let at = clock::now();
            let result = timeout(left, self.attempt(webhook, auth_token, &token)).await;
            let result = result.unwrap_or_else(|_| Err(Failure::Read("total time exceeded".to_owned())));
            let again =
                should_retry(&result, overrides) && delivery.attempts.len() < overrides.retries as usize;
            let (status, error, answer) = match result {
                Ok((status, answer)) => (Some(status), None, Some(answer)),
                Err(Failure::Connect(error) | Failure::Read(error)) => (None, Some(error), None),
            };
            delivery.attempts.push(Attempt { at, status, error });
            if !again || started.elapsed() + self.retry_pause >= overrides.total {
                return (delivery, answer);
            }
            sleep(self.retry_pause).await;
        }
    }

    async fn attempt(
        &self,
        webhook: &Webhook,
        auth_token: &str,
        token: &str,
    ) -> Result<(u16, Answer), Failure> {
        let (address, overrides) = Overrides::split(&webhook.url);
        let client = self.client(overrides).map_err(|error| Failure::Connect(error.to_string()))?;
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&webhook.params).finish();
        let request = if webhook.get {
            let joint = if address.contains('?') { '&' } else { '?' };
            let url = format!("{address}{joint}{form}");
            let signature = sign(auth_token, &url, &[] as &[(&str, &str)]);
            client.get(url).header("X-Twilio-Signature", signature)
        } else {
            let signature = sign(auth_token, address, &webhook.params);
            let form_type = "application/x-www-form-urlencoded; charset=UTF-8";
            client
                .post(address)
                .header("X-Twilio-Signature", signature)
                .header(CONTENT_TYPE, form_type)
                .body(form)
        };
        let request =
            request.header("User-Agent", "TwilioProxy/1.1").header("I-Twilio-Idempotency-Token", token);
        let response = request.send().await.map_err(|error| Failure::of(&error))?;
        read(response).await
    }

    fn client(&self, overrides: Overrides) -> reqwest::Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(overrides.connect, overrides.read)) {
            return Ok(client.clone());
        }
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        let client = build(overrides)?;
        clients.insert((overrides.connect, overrides.read), client.clone());
        Ok(client)
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox shares no code with the clients that it tests")]
pub(super) fn build(overrides: Overrides) -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(overrides.connect)
        .read_timeout(overrides.read)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
}

async fn read(mut response: reqwest::Response) -> Result<(u16, Answer), Failure> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            return Err(Failure::Read("answer larger than 64 KB (11750)".to_owned()));
        }
    }
    Ok((status, Answer { content_type, body: String::from_utf8_lossy(&body).into_owned() }))
}

impl Failure {
    /// The URL is left out: it may carry credentials.
    fn of(error: &reqwest::Error) -> Self {
        let mut text = String::new();
        let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(cause) = source {
            text = cause.to_string();
            source = cause.source();
        }
        if error.is_connect() || error.is_builder() { Self::Connect(text) } else { Self::Read(text) }
    }
}

fn should_retry(result: &Result<(u16, Answer), Failure>, overrides: Overrides) -> bool {
    let policy = overrides.policy;
    match result {
        Err(Failure::Connect(_)) => policy.on_connect,
        Err(Failure::Read(_)) => policy.on_read,
        Ok((400..=499, _)) => policy.on_4xx,
        Ok((500..=599, _)) => policy.on_5xx,
        Ok(_) => false,
    }
}

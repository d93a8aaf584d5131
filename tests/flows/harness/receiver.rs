//! A partner's server: takes webhooks over real HTTP, checks their signatures by itself, and answers as the test says.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{app::PATIENCE, graphql::Gql};

const CREATE: &str = "mutation($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { \
     webhookEndpoint { id } secret userErrors { code message field } } }";
const ENDPOINT: &str = "query($id: ID!) { webhookEndpoint(id: $id) { \
     id url types description isEnabled disabledReason failingSince secrets { hint expiresAt } \
     deliveries(first: 100) { nodes { id type webhookId position status nextAttemptAt \
     attempts { ordinal startedAt httpStatus error durationMs } } } } }";

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Hook {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: String,
    /// `webhook-signature`, parted.
    pub signatures: Vec<String>,
    /// The body's bytes.
    pub raw: Bytes,
    /// The body read.
    pub body: Value,
}

impl Hook {
    /// The event's place in the log.
    pub fn position(&self) -> i64 {
        self.body["position"].as_i64().unwrap()
    }

    /// Whether one of the signatures was made with this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        signed.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        signed.update(&self.raw);
        self.signatures.contains(&format!("v1,{}", STANDARD.encode(signed.sign())))
    }
}

/// How a request is answered.
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With this status and `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// With a redirect to this address.
    Redirect(String),
    /// Not before the receiver is released.
    Hang,
}

type Answer = Box<dyn FnMut(&Hook) -> Reply + Send>;

struct Inner {
    seen: Mutex<Vec<Hook>>,
    count: watch::Sender<usize>,
    answer: Mutex<Answer>,
    released: CancellationToken,
}

/// A partner's server; stops when dropped.
pub struct Receiver {
    /// Where it takes webhooks.
    pub url: String,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Answers 204 until told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            answer: Mutex::new(Box::new(|_| Reply::Status(204))),
            released: CancellationToken::new(),
        });
        let router = Router::new().route("/hooks", post(take)).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, task }
    }

    /// From now on answers like this.
    pub fn answer(&self, answer: impl FnMut(&Hook) -> Reply + Send + 'static) {
        *self.inner.answer.lock().unwrap() = Box::new(answer);
    }

    /// Answers what hangs.
    pub fn release(&self) {
        self.inner.released.cancel();
    }

    /// Everything that came so far, in the order of arrival.
    pub fn seen(&self) -> Vec<Hook> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests came.
    pub async fn until(&self, count: usize) -> Vec<Hook> {
        self.until_seen(&format!("{count} requests"), |seen| seen.len() >= count).await
    }

    /// Waits until what came is enough.
    pub async fn until_seen(&self, what: &str, enough: impl Fn(&[Hook]) -> bool) -> Vec<Hook> {
        let mut count = self.inner.count.subscribe();
        let arrived = async {
            while !enough(&self.seen()) {
                count.changed().await.unwrap();
            }
        };
        let came = timeout(2 * PATIENCE, arrived).await;
        assert!(came.is_ok(), "not in time: {what}; {} requests came", self.seen().len());
        self.seen()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, raw: Bytes) -> Response {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    let hook = Hook {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signatures: text("webhook-signature").split(' ').map(str::to_owned).collect(),
        body: serde_json::from_slice(&raw).unwrap(),
        raw,
    };
    let reply = (inner.answer.lock().unwrap())(&hook);
    inner.seen.lock().unwrap().push(hook);
    inner.count.send_modify(|count| *count += 1);
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::RetryAfter(code, seconds) => {
            (status(code), [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Reply::Hang => {
            inner.released.cancelled().await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

/// A partner's endpoint: its id and the secret that it was told.
#[derive(Clone)]
pub struct Endpoint {
    pub id: String,
    pub secret: String,
}

impl Gql {
    /// Has these types of events posted to an address.
    pub async fn endpoint(&self, url: &str, types: &[&str]) -> Endpoint {
        let payload = self.try_endpoint(url, types).await;
        assert_eq!(payload["userErrors"], json!([]));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Endpoint { id: text(&payload["webhookEndpoint"]["id"]), secret: text(&payload["secret"]) }
    }

    /// `createWebhookEndpoint`: its payload.
    pub async fn try_endpoint(&self, url: &str, types: &[&str]) -> Value {
        let input = json!({ "url": url, "types": types });
        self.ok(CREATE, json!({ "input": input })).await["createWebhookEndpoint"].take()
    }

    /// An endpoint with its newest deliveries.
    pub async fn webhook_endpoint(&self, id: &str) -> Value {
        self.ok(ENDPOINT, json!({ "id": id })).await["webhookEndpoint"].take()
    }
}

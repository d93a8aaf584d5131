//! A carrier that answers "create a message" and stores nothing. On demand it sends the signed "delivered" callback too.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{Form, Json, Router, extract::State, http::StatusCode, routing::post, serve::ListenerExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::{
    Outcome,
    http::{Client, Post},
    signature,
};

/// The account that the system config names.
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
/// Its token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What the carrier has seen.
#[derive(Clone, Default)]
pub struct Carrier(Arc<Seen>);

#[derive(Default)]
struct Seen {
    taken: AtomicUsize,
    span: Mutex<Option<(Instant, Instant)>>,
    calls_back: AtomicBool,
}

impl Carrier {
    /// Listens on a port of its own until the process ends.
    pub async fn start() -> Outcome<(Self, SocketAddr)> {
        let carrier = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let create = post(create).with_state(carrier.clone());
        let router = Router::new().route("/2010-04-01/Accounts/{account}/Messages.json", create);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((carrier, address))
    }

    /// Messages that it took.
    pub fn taken(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// When it took the first and the last one.
    pub fn span(&self) -> Option<(Instant, Instant)> {
        *self.0.span.lock().expect("no panic happens under this lock")
    }

    /// From now on every message is called "delivered" at once.
    pub fn call_back(&self) {
        self.0.calls_back.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> usize {
        let now = Instant::now();
        let mut span = self.0.span.lock().expect("no panic happens under this lock");
        *span = Some((span.map_or(now, |(first, _)| first), now));
        self.0.taken.fetch_add(1, Ordering::Relaxed) + 1
    }
}

async fn create(
    State(carrier): State<Carrier>,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let sid = format!("SM{:032x}", carrier.take());
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    if carrier.0.calls_back.load(Ordering::Relaxed) {
        tokio::spawn(deliver(field("StatusCallback"), sid.clone()));
    }
    let answer = json!({
        "sid": sid, "account_sid": ACCOUNT, "to": field("To"), "from": field("From"), "body": field("Body"),
        "status": "queued", "num_segments": "1", "num_media": "0", "direction": "outbound-api",
        "api_version": "2010-04-01", "price": null, "price_unit": "USD", "error_code": null,
        "error_message": null, "messaging_service_sid": null,
        "date_created": "Thu, 20 Nov 2025 07:00:00 +0000", "date_updated": "Thu, 20 Nov 2025 07:00:00 +0000",
        "date_sent": null, "uri": format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"),
        "subresource_uris": {},
    });
    (StatusCode::CREATED, Json(answer))
}

async fn deliver(callback: String, sid: String) -> Outcome<()> {
    let url = Url::parse(&callback)?;
    let server = url.socket_addrs(|| None)?.first().copied().ok_or("a callback without an address")?;
    let fields = [("AccountSid", ACCOUNT), ("MessageSid", sid.as_str()), ("MessageStatus", "delivered")];
    let signed = signature::sign(&callback, TOKEN, &fields);
    let form = Post {
        path: url.path(),
        content_type: "application/x-www-form-urlencoded",
        header: &signed.header,
        body: &signed.body,
    };
    Client::connect(server).await?.post(&form).await?;
    Ok(())
}

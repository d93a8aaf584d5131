//! The sandbox: an emulator of Twilio's messaging over real HTTP, for the demo, for tests and for developers
//! without an account. It imports nothing of ours, so that it cannot share a mistake with the client that is
//! tested against it.
//!
//! `/2010-04-01/…` is Twilio's API (messages, media, numbers, account; Basic auth; form bodies; its error
//! JSON); webhooks are called and signed as Twilio does. `/sandbox/…` is the stage door, for this machine
//! only:
//!
//! | | |
//! |---|---|
//! | `POST /sandbox/say` `{from, to, body, media?}` | a phone texts one of our numbers → `{sid, webhook_status, twiml, replies, errors}` |
//! | `GET /sandbox/phones/{number}/inbox` | what a phone has received |
//! | `GET /sandbox/messages?account=&to=&from=&direction=&after=&limit=` | everything the carrier took, with its callbacks |
//! | `POST /sandbox/faults` `{account?, match: {to?, from?}, on?, times?, chance?, fault, …}` | script a fault; `GET` lists, `DELETE` clears |
//! | `POST /sandbox/accounts` | create or replace an account |
//! | `GET /sandbox/stats`, `GET /sandbox/idle`, `GET /sandbox/numbers`, `POST /sandbox/reset` | counts, wait until all is quiet, [`TEST_NUMBERS`], forget |
//!
//! Faults: `refuse {code, status?, message?}`, `rate_limit {retry_after?}`, `server_error {when, status?}`,
//! `reset {when}`, `hang {when, ms}`, `garbage`, `list_lag {ms}`, `duplicate_callbacks {copies?}`,
//! `reorder_callbacks`, `early_callback`, `drop_callbacks {statuses?}`, `duplicate_inbound {copies?}`, `alter_body`.
//! `when` is `before` or `after` the carrier took the request (for `hang` also `late`: taken when the time is up,
//! even if the client has gone). `on` is `create` unless said otherwise (`list`, `fetch`, `update`, `delete`,
//! `media`, `numbers`, `account`); a rule without `times` strikes until it is deleted.
//!
//! Recipients with a fate ([`TEST_NUMBERS`]); a message to any other number is delivered:
//!
//! | number | |
//! |---|---|
//! | +12065550100 | delivered |
//! | +12065550101 | undelivered, 30003: handset off or out of reach |
//! | +12065550102 | failed, 30008: unknown error |
//! | +12065550103 | refused, 21211: not a valid phone number (as anything that is not E.164) |
//! | +12065550104 | undelivered, 30006: landline or unreachable carrier |
//! | +12065550105 | delivered late |
//! | +12065550106 | sent, and never a receipt |
//! | +12065550107 | queued for ever |
//! | +12065550108 | delivered; the phone answers "Echo: …" |
//! | +12065550109 | refused, 21610: has opted out of every sender |
//! | +12065550110 | undelivered, 30007: filtered as spam |
//! | +12065550111 | refused, 21614: not a mobile number |

mod accounts;
mod auth;
mod callbacks;
mod clock;
mod connection;
mod control;
mod create;
mod errors;
mod faults;
mod inbound;
mod journal;
mod lifecycle;
mod media;
mod message;
mod messages;
mod mishap;
mod numbers;
mod optout;
mod outcome;
mod overrides;
mod paging;
mod params;
mod price;
mod say;
mod segments;
mod settings;
mod sid;
mod state;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod twiml;
mod webhook;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::OriginalUri,
    routing::{get, post},
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

pub use outcome::{Outcome, TEST_NUMBERS, TestNumber};
pub use say::{Saying, say};
pub use settings::{Account, Number, Service, Settings, Timing};

use connection::{Listener, Peer};
use errors::Refusal;
use message::{Direction, Status};
use state::Sandbox;

/// How long [`Running::stop`] waits for requests under way, which a scripted fault may have hung.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sandbox that serves until it is stopped or dropped.
pub struct Running {
    addr: SocketAddr,
    sandbox: Arc<Sandbox>,
    closing: CancellationToken,
    server: JoinHandle<()>,
}

/// Starts a sandbox. Fails when the address is taken or the journal cannot be read.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let listener = TcpListener::bind(settings.listen).await?;
    let addr = listener.local_addr()?;
    let base_url = settings.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
    let sandbox = Arc::new(Sandbox::open(settings, base_url.trim_end_matches('/').to_owned())?);
    resume(&sandbox);
    let app = router(&sandbox).into_make_service_with_connect_info::<Peer>();
    let closing = CancellationToken::new();
    let closed = closing.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(Listener(listener), app).with_graceful_shutdown(closed).await {
            tracing::error!(%error, "the sandbox has stopped serving");
        }
    });
    Ok(Running { addr, sandbox, closing, server })
}

/// Messages that a journal brought back go on where they were.
fn resume(sandbox: &Arc<Sandbox>) {
    let everything = store::Filter::default();
    let messages: Vec<_> = sandbox.store().newest(&everything).rev().cloned().collect();
    for message in messages {
        if message.status != Status::Received {
            lifecycle::start(sandbox, &message);
            continue;
        }
        if message.price.is_none() {
            lifecycle::charge_later(sandbox, &message);
        }
        if message.webhooks.is_none() && message.direction == Direction::Inbound {
            inbound::resume(sandbox, message);
        }
    }
}

fn router(sandbox: &Arc<Sandbox>) -> Router {
    const ACCOUNT: &str = "/2010-04-01/Accounts/{account}";
    let at = |path: &str| format!("{ACCOUNT}{path}");
    Router::new()
        .route(ACCOUNT, get(accounts::fetch))
        .route(&at("/Messages.json"), post(create::create).get(messages::list))
        .route(&at("/Messages/{sid}"), get(messages::fetch).post(messages::update).delete(messages::delete))
        .route(&at("/Messages/{sid}/Media.json"), get(media::list))
        .route(&at("/Messages/{sid}/Media/{media}"), get(media::fetch).delete(media::delete))
        .route(&at("/IncomingPhoneNumbers.json"), get(numbers::list))
        .route(&at("/IncomingPhoneNumbers/{sid}"), get(numbers::fetch).post(numbers::update))
        .route("/content/{message}/{media}", get(media::content))
        .merge(control::routes(sandbox))
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .fallback(|OriginalUri(uri): OriginalUri| async move { Refusal::not_found(uri.path()) })
        .with_state(sandbox.clone())
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Running {
    /// The root of its API and of `/sandbox/…`, without a slash at the end: a carrier config's base URL.
    pub fn base_url(&self) -> &str {
        &self.sandbox.base_url
    }

    /// The address it listens on, with the port that it was given.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more requests, finishes those under way, drops what messages would still have become (a
    /// journal keeps it).
    pub async fn stop(mut self) {
        self.closing.cancel();
        self.sandbox.end_tasks();
        // What still hangs after that was hung on purpose, and ends with the drop.
        let _ = timeout(PATIENCE, &mut self.server).await;
        let _ = timeout(PATIENCE, self.sandbox.tracker.wait()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.closing.cancel();
        self.sandbox.end_tasks();
        self.server.abort();
    }
}

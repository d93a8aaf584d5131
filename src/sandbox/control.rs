//! `/sandbox/…`: what a test or a demo does to the carrier and asks of it. No credentials, therefore loopback
//! only; Twilio's own API is not in here.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connection::Peer,
    errors::Refusal,
    faults::Rule,
    inbound::{self, MEDIA_PARAMS, Received, Text},
    media,
    message::{Direction, Media},
    outcome::TEST_NUMBERS,
    settings::Account,
    sid,
    state::Sandbox,
    store::Filter,
};

/// Ten files of about 500 KB each, in Base64.
const LARGEST_REQUEST: usize = 8 << 20;

type Shared = State<Arc<Sandbox>>;

/// The routes, with the guard before them.
pub(super) fn routes(sandbox: &Arc<Sandbox>) -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/sandbox/accounts", post(create_account).get(list_accounts))
        .route("/sandbox/faults", post(add_fault).get(list_faults).delete(clear_faults))
        .route("/sandbox/faults/{id}", delete(remove_fault))
        .route("/sandbox/messages", get(messages))
        .route("/sandbox/messages/{sid}", get(message))
        .route("/sandbox/phones/{number}/inbox", get(inbox))
        .route("/sandbox/say", post(receive_text))
        .route("/sandbox/numbers", get(test_numbers))
        .route("/sandbox/stats", get(stats))
        .route("/sandbox/idle", get(idle))
        .route("/sandbox/reset", post(reset))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .layer(middleware::from_fn_with_state(sandbox.clone(), guard))
}

/// Lets in this machine's own programs: no other machine, and no web page in a browser on this one (neither
/// by a form of its own nor by a name that it points at loopback).
async fn guard(
    State(sandbox): Shared,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let local = peer.addr.ip().to_canonical().is_loopback() && names_loopback(request.headers());
    let from_a_page = request.headers().contains_key(header::ORIGIN);
    if (local && !from_a_page) || sandbox.open_control {
        return next.run(request).await;
    }
    let answer = json!({ "error": "the sandbox is controlled from its own machine only" });
    (StatusCode::FORBIDDEN, Json(answer)).into_response()
}

fn names_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

async fn create_account(
    State(sandbox): Shared,
    Json(mut account): Json<Account>,
) -> Result<Response, Refusal> {
    if account.sid.is_empty() {
        account.sid = sid::random("AC");
    }
    if account.auth_token.is_empty() {
        account.auth_token = sid::random("");
    }
    if !sid::is("AC", &account.sid) {
        return Err(Refusal::bad(20001, "sid must be AC and 32 hexadecimal digits"));
    }
    let answer = json!({
        "sid": account.sid,
        "auth_token": account.auth_token,
        "base_url": sandbox.base_url,
        "numbers": account.numbers.iter().map(|number| &number.phone_number).collect::<Vec<_>>(),
    });
    sandbox.accounts().put(account);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn list_accounts(State(sandbox): Shared) -> Json<Value> {
    let accounts = sandbox.accounts();
    let listed = accounts.all().map(|account| {
        json!({
            "sid": account.sid,
            "numbers": account.numbers,
            "services": account.services.iter().map(|service| &service.sid).collect::<Vec<_>>(),
            "handles_stop": account.handles_stop,
            "advanced_opt_out": account.advanced_opt_out,
        })
    });
    Json(json!({ "accounts": listed.collect::<Vec<_>>() }))
}

async fn add_fault(State(sandbox): Shared, Json(rule): Json<Rule>) -> (StatusCode, Json<Value>) {
    let id = sandbox.faults().add(rule);
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

async fn list_faults(State(sandbox): Shared) -> Json<Value> {
    Json(json!({ "faults": sandbox.faults().all() }))
}

async fn clear_faults(State(sandbox): Shared) -> StatusCode {
    sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(sandbox): Shared, Path(id): Path<u64>) -> StatusCode {
    if sandbox.faults().remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// Which messages an inspection asks for; all by default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inspection {
    account: Option<String>,
    to: Option<String>,
    from: Option<String>,
    direction: Option<Direction>,
    /// Only those after this `seq`, for a test that follows.
    after: Option<u64>,
    limit: Option<usize>,
}

async fn messages(State(sandbox): Shared, Query(query): Query<Inspection>) -> Json<Value> {
    let filter = Filter {
        account: query.account,
        to: query.to,
        from: query.from,
        direction: query.direction,
        ..Filter::default()
    };
    let after = query.after.unwrap_or(0);
    let limit = query.limit.unwrap_or(usize::MAX);
    let found: Vec<_> = {
        let store = sandbox.store();
        let oldest_first = store.newest(&filter).rev();
        oldest_first.skip_while(|message| message.seq <= after).take(limit).cloned().collect()
    };
    Json(json!({ "messages": found.iter().map(|message| json!(**message)).collect::<Vec<_>>() }))
}

async fn message(State(sandbox): Shared, Path(sid): Path<String>) -> Response {
    match sandbox.store().get(&sid) {
        Some(message) => Json(json!(*message)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn inbox(State(sandbox): Shared, Path(number): Path<String>) -> Json<Value> {
    let filter = Filter { to: Some(number), ..Filter::default() };
    let found: Vec<_> =
        sandbox.store().newest(&filter).rev().filter(|message| message.reached_phone()).cloned().collect();
    let texts = found.iter().map(|message| {
        json!({
            "sid": message.sid,
            "from": message.from,
            "body": message.body,
            "media": message.media,
            "direction": message.direction,
            "at": message.sent,
        })
    });
    Json(json!({ "inbox": texts.collect::<Vec<_>>() }))
}

/// A text from a phone, as `POST /sandbox/say` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    from: String,
    to: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    media: Vec<SaidMedia>,
    #[serde(default)]
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SaidMedia {
    /// A file that is somewhere else.
    Url(String),
    /// A file that the sandbox keeps.
    Inline { content_type: String, base64: String },
}

async fn receive_text(State(sandbox): Shared, Json(saying): Json<Saying>) -> Result<Json<Received>, Refusal> {
    if saying.media.len() > MEDIA_PARAMS.len() {
        return Err(Refusal::bad(21623, "Number of media files exceeds allowed limit."));
    }
    let media = saying.media.into_iter().map(said).collect::<Result<_, _>>()?;
    let text = Text { from: saying.from, to: saying.to, body: saying.body, media, account: saying.account };
    // A task of its own: a phone does not take its text back when somebody stops waiting for the answer.
    let received = tokio::spawn(async move { inbound::receive(&sandbox, text).await });
    received.await.unwrap_or_else(|_| Err(Refusal::server(StatusCode::INTERNAL_SERVER_ERROR))).map(Json)
}

fn said(media: SaidMedia) -> Result<Media, Refusal> {
    match media {
        SaidMedia::Url(url) => Ok(media::elsewhere(url)),
        SaidMedia::Inline { content_type, base64 } => match STANDARD.decode(&base64) {
            Ok(_) => Ok(Media { sid: sid::random("ME"), content_type, url: None, base64: Some(base64) }),
            Err(_) => Err(Refusal::bad(20001, "media.base64 is not Base64")),
        },
    }
}

async fn test_numbers() -> Json<Value> {
    Json(json!({ "numbers": TEST_NUMBERS }))
}

async fn stats(State(sandbox): Shared) -> Json<Value> {
    Json(json!(*sandbox.stats()))
}

#[derive(Deserialize)]
struct Patience {
    #[serde(default = "five_seconds")]
    timeout_ms: u64,
}

const fn five_seconds() -> u64 {
    5_000
}

/// Answers as soon as nothing is under way: no message that will change, no webhook unanswered.
async fn idle(State(sandbox): Shared, Query(patience): Query<Patience>) -> Response {
    let time = Duration::from_millis(patience.timeout_ms.min(60_000));
    let idle = tokio::time::timeout(time, sandbox.tracker.wait()).await.is_ok();
    let status = if idle { StatusCode::OK } else { StatusCode::REQUEST_TIMEOUT };
    (status, Json(json!({ "idle": idle, "tasks": sandbox.tracker.len() }))).into_response()
}

/// Forgets messages, opt-outs, faults and counts. Accounts stay.
async fn reset(State(sandbox): Shared) -> StatusCode {
    sandbox.end_tasks();
    sandbox.store().reset();
    sandbox.faults().clear();
    *sandbox.stats() = super::stats::Stats::default();
    StatusCode::NO_CONTENT
}

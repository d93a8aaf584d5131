//! The Message resource but for its creation: list, fetch, cancel, redact, delete.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, OriginalUri, Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    auth::Caller,
    callbacks::Outbox,
    clock::{self, When},
    connection::Peer,
    errors::Refusal,
    faults::{Occasion, Operation},
    message::{Message, Moment, Status},
    mishap,
    paging::{ListUri, Page, PageRequest},
    params::Params,
    state::Sandbox,
    store::{Filter, SentBound},
};

/// `GET …/Messages.json`
pub(super) async fn list(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Response {
    sandbox.stats().lists += 1;
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    let (to, from) = (params.filled("To"), params.filled("From"));
    let occasion = Occasion { operation: Operation::List, account: &caller.account, to, from };
    let fault = sandbox.faults().strike_request(occasion);
    let path = uri.path().to_owned();
    mishap::under(fault, &peer, async move {
        match page(&sandbox, &caller.account, &path, &params) {
            Ok(answer) => Json(answer).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    })
    .await
}

fn page(sandbox: &Sandbox, account: &str, path: &str, params: &Params) -> Result<serde_json::Value, Refusal> {
    let request = PageRequest::parse(params)?;
    let filter = Filter {
        account: Some(account.to_owned()),
        to: params.filled("To").map(str::to_owned),
        from: params.filled("From").map(str::to_owned),
        sent: sent_bounds(params)?,
        listed_at: Some(clock::now()),
        direction: None,
    };
    let page = sandbox.store().page(&filter, request);
    let ends = page.items.first().zip(page.items.last()).map(|(first, last)| (first.seq, last.seq));
    let items = page.items.iter().map(|message| message.to_json()).collect();
    Ok(ListUri { path, params, request }.answer("messages", Page { items, more: page.more }, ends))
}

/// `DateSent`, `DateSent<`, `DateSent>`; all three include the day or moment itself. `DateSent<=…` reads as
/// the key `DateSent<`.
fn sent_bounds(params: &Params) -> Result<Vec<SentBound>, Refusal> {
    let mut bounds = Vec::new();
    for (key, value) in params.pairs().filter(|(_, value)| !value.is_empty()) {
        let bound: fn(When) -> SentBound = match key {
            "DateSent" => SentBound::On,
            "DateSent<" => SentBound::UpTo,
            "DateSent>" => SentBound::Since,
            _ => continue,
        };
        let when = When::parse(value.trim_start_matches('='));
        bounds
            .push(bound(when.ok_or_else(|| Refusal::bad(20001, format!("'{value}' is not a valid date")))?));
    }
    Ok(bounds)
}

/// The path of a single message.
type One = Path<(String, String)>;

/// Finds the message of the caller's account, or answers as for one that never was.
fn find(sandbox: &Sandbox, caller: &Caller, file: &str) -> Result<Arc<Message>, Refusal> {
    let missing = || Refusal::not_found(&format!("/2010-04-01/Accounts/{}/Messages/{file}", caller.account));
    let sid = file.strip_suffix(".json").ok_or_else(missing)?;
    sandbox.store().get(sid).filter(|message| message.account == caller.account).ok_or_else(missing)
}

async fn on_one<F>(
    sandbox: Arc<Sandbox>,
    peer: Peer,
    operation: Operation,
    (caller, file): (Caller, String),
    act: F,
) -> Response
where
    F: FnOnce(&Arc<Sandbox>, Arc<Message>) -> Result<Response, Refusal> + Send + 'static,
{
    let message = match find(&sandbox, &caller, &file) {
        Ok(message) => message,
        Err(refusal) => return refusal.into_response(),
    };
    let occasion = Occasion {
        operation,
        account: &caller.account,
        to: Some(&message.to),
        from: message.from.as_deref(),
    };
    let fault = sandbox.faults().strike_request(occasion);
    mishap::under(
        fault,
        &peer,
        async move { act(&sandbox, message).unwrap_or_else(IntoResponse::into_response) },
    )
    .await
}

/// `GET …/Messages/{sid}.json`
pub(super) async fn fetch(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path((_, file)): One,
    caller: Caller,
) -> Response {
    sandbox.stats().fetches += 1;
    let answer = |_: &Arc<Sandbox>, message: Arc<Message>| Ok(Json(message.to_json()).into_response());
    on_one(sandbox, peer, Operation::Fetch, (caller, file), answer).await
}

/// `DELETE …/Messages/{sid}.json`
pub(super) async fn delete(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path((_, file)): One,
    caller: Caller,
) -> Response {
    sandbox.stats().deletes += 1;
    let remove = |sandbox: &Arc<Sandbox>, message: Arc<Message>| {
        if !message.status.is_settled() {
            return Err(Refusal::unfinished("delete"));
        }
        sandbox.store().delete(&message.sid);
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    on_one(sandbox, peer, Operation::Delete, (caller, file), remove).await
}

/// `POST …/Messages/{sid}.json`: `Status=canceled` cancels, an empty `Body` redacts.
pub(super) async fn update(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path((_, file)): One,
    caller: Caller,
    body: Bytes,
) -> Response {
    sandbox.stats().updates += 1;
    let params = Params::parse(&body);
    let change = move |sandbox: &Arc<Sandbox>, message: Arc<Message>| {
        let changed = match (params.filled("Status"), params.get("Body")) {
            (Some("canceled"), _) => cancel(sandbox, &message)?,
            (None, Some("")) => redact(sandbox, &message)?,
            (Some(_), _) => return Err(Refusal::bad(20001, "Parameter 'Status' must be 'canceled'")),
            (None, Some(_)) => {
                return Err(Refusal::bad(20001, "Parameter 'Body' can only be set to an empty string"));
            }
            (None, None) => message,
        };
        Ok(Json(changed.to_json()).into_response())
    };
    on_one(sandbox, peer, Operation::Update, (caller, file), change).await
}

fn cancel(sandbox: &Arc<Sandbox>, message: &Message) -> Result<Arc<Message>, Refusal> {
    let canceled = sandbox.store().update(&message.sid, |message| {
        if !matches!(message.status, Status::Scheduled | Status::Accepted) {
            return None;
        }
        message.status = Status::Canceled;
        message.history.push(Moment { status: Status::Canceled, at: clock::now() });
        Some(())
    });
    let refusal = || Refusal::new(StatusCode::CONFLICT, 20409, "Only a scheduled message can be canceled");
    let (canceled, ()) = canceled.ok_or_else(refusal)?;
    // Nobody listens when no scheduled message is waiting.
    let _ = sandbox.cancellations.send(canceled.sid.clone());
    let mut outbox = Outbox::new(sandbox.clone());
    outbox.tell(&canceled, Status::Canceled);
    outbox.close();
    Ok(canceled)
}

fn redact(sandbox: &Sandbox, message: &Message) -> Result<Arc<Message>, Refusal> {
    let redacted = sandbox.store().update(&message.sid, |message| {
        if !message.status.is_settled() {
            return None;
        }
        let body = std::mem::take(&mut message.body);
        message.given_body.get_or_insert(body);
        Some(())
    });
    redacted.map(|(message, ())| message).ok_or_else(|| Refusal::unfinished("redact"))
}

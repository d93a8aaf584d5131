//! GraphQL over HTTP, after the working draft of that name: POST with JSON, GET for queries, batches. Bodies are bounded
//! beneath the parser and only JSON is taken, so that no HTML form of a foreign page can act (CSRF).

mod body;
mod negotiation;
mod observation;

pub use body::read_json;
pub use negotiation::MediaType;
pub use observation::observe;

use async_graphql::Executor;
use axum::extract::{FromRequestParts, Request, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, UPGRADE, VARY, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::client::{self, Bearer};
use super::door::Door;
use super::errors::{Answer, Stamp};
use super::guard::OperationKind;
use super::request::GraphqlRequest;
use super::websocket;
use crate::base::auth;
use crate::base::ctx::{Ctx, Hub, RequestInfo};
use crate::base::error::{Error, ErrorCode, Result};

/// The one endpoint: executes what POST and GET bring, and upgrades to a socket.
pub async fn graphql<E: Executor>(State(door): State<Door<E>>, request: Request) -> Response {
    let info = info(&door, &request);
    match *request.method() {
        Method::GET if request.headers().contains_key(UPGRADE) => {
            let (mut parts, _) = request.into_parts();
            if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
                return websocket::upgrade(door, upgrade, &parts.headers, info);
            }
            let error = Error::new(ErrorCode::BadRequest, "This is not an upgrade to a WebSocket.");
            refuse(&error, &door.stamp_of(&info.request_id))
        }
        Method::GET => {
            let (parts, _) = request.into_parts();
            get(&door, &parts, info).await
        }
        Method::POST => post(&door, request, info).await,
        _ => refuse(&not_allowed("Use GET or POST."), &door.stamp_of(&info.request_id)),
    }
}

/// Where a request came from: set by [`observe`], else made anew.
pub fn info<E: Executor>(door: &Door<E>, request: &Request) -> RequestInfo {
    request.extensions().get::<RequestInfo>().cloned().unwrap_or_else(|| {
        let proxies = &door.hub().config.door.proxies;
        client::request_info(request.headers(), request.extensions(), proxies)
    })
}

/// The context of a request by its `Authorization` header.
pub async fn authenticate(hub: &std::sync::Arc<Hub>, headers: &HeaderMap, info: RequestInfo) -> Result<Ctx> {
    let token = match client::bearer(headers) {
        Bearer::Absent => None,
        Bearer::Token(token) => Some(token),
        Bearer::Malformed => return Err(Error::unauthenticated()),
    };
    auth::authenticate(hub, token, info).await
}

async fn get<E: Executor>(door: &Door<E>, request: &Parts, info: RequestInfo) -> Response {
    let media = MediaType::negotiate(&request.headers);
    let stamp = door.stamp_of(&info.request_id);
    let Some(wire) = GraphqlRequest::from_parameters(request.uri.query().unwrap_or_default()) else {
        let error =
            Error::new(ErrorCode::BadRequest, "The parameters are not a GraphQL request: send `query`.");
        return respond(&Answer::failed(&error, &stamp), media);
    };
    let answer = match authenticate(door.hub(), &request.headers, info).await {
        Ok(ctx) => run(door, &ctx, wire, Allowed::Queries).await,
        Err(error) => Answer::failed(&error, &stamp),
    };
    respond(&answer, media)
}

async fn post<E: Executor>(door: &Door<E>, request: Request, info: RequestInfo) -> Response {
    let (parts, body) = request.into_parts();
    let media = MediaType::negotiate(&parts.headers);
    let stamp = door.stamp_of(&info.request_id);
    let received = async {
        let bytes = read_json(&parts.headers, body, door.limits().body_bytes).await?;
        let wires = body::parse(&bytes, door.limits().batch)?;
        let ctx = authenticate(door.hub(), &parts.headers, info).await?;
        Ok::<_, Error>((wires, ctx))
    };
    match received.await {
        Ok((body::Wires::One(wire), ctx)) => respond(&run(door, &ctx, *wire, Allowed::Writes).await, media),
        Ok((body::Wires::Batch(wires), ctx)) => {
            let mut answers = Vec::with_capacity(wires.len());
            for wire in wires {
                answers.push(run(door, &ctx, wire, Allowed::Writes).await);
            }
            respond_to_batch(&answers, media)
        }
        Err(error) => respond(&Answer::failed(&error, &stamp), media),
    }
}

/// What a method may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Queries,
    Writes,
}

async fn run<E: Executor>(door: &Door<E>, ctx: &Ctx, wire: GraphqlRequest, allowed: Allowed) -> Answer {
    let prepared = match door.prepare(ctx, wire).await {
        Ok(prepared) => prepared,
        Err(refused) => return Answer::refused(refused, &door.stamp(ctx)),
    };
    let refusal = match (prepared.kind, allowed) {
        (OperationKind::Subscription, _) => Error::new(
            ErrorCode::BadRequest,
            "Subscriptions run over WebSocket, or as events on /graphql/stream.",
        ),
        (OperationKind::Mutation, Allowed::Queries) => not_allowed("GET runs queries only. Use POST."),
        _ => return door.execute(prepared, ctx).await,
    };
    Answer::failed(&refusal, &door.stamp(ctx))
}

fn not_allowed(message: &'static str) -> Error {
    Error::new(ErrorCode::MethodNotAllowed, message)
}

/// An error as the answer of any route.
pub fn refuse(error: &Error, stamp: &Stamp) -> Response {
    respond(&Answer::failed(error, stamp), MediaType::Json)
}

fn respond(answer: &Answer, media: MediaType) -> Response {
    let mut response = answer.body().into_owned().into_response();
    *response.status_mut() = media.status(answer.refusal());
    let headers = response.headers_mut();
    set_common(headers, media);
    if let Some(seconds) = answer.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    match answer.refusal() {
        Some(ErrorCode::Unauthenticated) => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Some(ErrorCode::MethodNotAllowed) => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, POST"));
        }
        _ => {}
    }
    response
}

/// A batch was executed one after the other; each answer stands at its request's place, the status tells nothing.
fn respond_to_batch(answers: &[Answer], media: MediaType) -> Response {
    let bodies: Vec<_> = answers.iter().map(Answer::body).collect();
    let mut response = (StatusCode::OK, format!("[{}]", bodies.join(","))).into_response();
    set_common(response.headers_mut(), media);
    response
}

fn set_common(headers: &mut HeaderMap, media: MediaType) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
}

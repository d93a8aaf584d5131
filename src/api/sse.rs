//! Operations as server-sent events, for clients and proxies without WebSocket: the distinct connections mode of
//! `graphql-sse` (its PROTOCOL.md). One request is one operation; closing the connection ends it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Executor, Name, Value};
use axum::body::Body;
use axum::extract::ws::Utf8Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entity::ids::OrganizationId;
use futures_util::stream;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::guard::OperationKind;
use super::http::{authenticate, info, read_json, refuse};
use super::live::{self, Gauged, Running};
use super::principals::Standing;
use super::quota::Permit;
use super::request::GraphqlRequest;
use super::shared::{Frame, Framing, Outlet};
use super::strangers::Place;
use super::websocket::machine::OperationNumber;
use crate::base::ctx::Ctx;
use crate::base::error::{Error, ErrorCode, Result};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx and its kin to pass events on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Time between comments that keep proxies from closing a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(12);

/// A result as an event. `cursor` becomes the event's id, which browsers send back as `Last-Event-ID`.
pub fn next(payload: &str, cursor: Option<&str>) -> Utf8Bytes {
    match cursor.filter(|cursor| !cursor.contains(char::is_control)) {
        Some(cursor) => format!("id: {cursor}\nevent: next\ndata: {payload}\n\n").into(),
        None => format!("event: next\ndata: {payload}\n\n").into(),
    }
}

/// A request error as the protocol wants it: a result with `errors`, then the end.
pub fn error(errors: &str) -> Utf8Bytes {
    format!("event: next\ndata: {{\"errors\":{errors}}}\n\nevent: complete\ndata:\n\n").into()
}

/// The end; the empty `data` makes browsers see the event.
pub fn complete() -> Utf8Bytes {
    Utf8Bytes::from_static("event: complete\ndata:\n\n")
}

/// Runs one operation and streams its results.
pub async fn stream<E: Executor>(State(door): State<Door<E>>, request: Request) -> Response {
    let stamp = door.stamp_of(&info(&door, &request).request_id);
    match open(door, request).await {
        Ok(events) => events.into_response(),
        Err(error) => refuse(&error, &stamp),
    }
}

/// Everything that can fail with a status fails here; what is wrong with the document is told as an event, since the
/// browser's `EventSource` shows nothing of other answers.
async fn open<E: Executor>(door: Door<E>, request: Request) -> Result<Events> {
    let info = info(&door, &request);
    let (parts, body) = request.into_parts();
    if !accepts_events(&parts.headers) {
        return Err(Error::new(ErrorCode::BadRequest, "Accept text/event-stream."));
    }
    let wire = match parts.method {
        Method::GET => GraphqlRequest::from_parameters(parts.uri.query().unwrap_or_default()),
        Method::POST => {
            let bytes = read_json(&parts.headers, body, door.limits().body_bytes).await?;
            serde_json::from_slice(&bytes).ok().and_then(GraphqlRequest::from_json)
        }
        _ => return Err(Error::new(ErrorCode::MethodNotAllowed, "Use GET or POST.")),
    };
    let message = "This is not a GraphQL request: send `query`.";
    let mut wire = wire.ok_or_else(|| Error::new(ErrorCode::BadRequest, message))?;
    resume(&mut wire, &parts.headers);
    let ctx = authenticate(door.hub(), &parts.headers, info).await?;
    start(&door, &ctx, wire, parts.method == Method::GET).await
}

async fn start<E: Executor>(door: &Door<E>, ctx: &Ctx, wire: GraphqlRequest, is_get: bool) -> Result<Events> {
    let held = hold(door, ctx)?;
    let (queue, outbox) = mpsc::channel(door.hub().config.live.subscriber_queue);
    let lagging = CancellationToken::new();
    let outlet = Outlet {
        number: OperationNumber::ONLY,
        framing: Framing::EventStream,
        queue,
        lagging: lagging.clone(),
    };
    let running = match door.prepare(ctx, wire).await {
        Ok(prepared) if is_get && prepared.kind == OperationKind::Mutation => {
            return Err(Error::new(ErrorCode::MethodNotAllowed, "GET runs no mutations. Use POST."));
        }
        Ok(prepared) => live::start(door, ctx, prepared, outlet).await,
        Err(refused) => live::refuse(door, ctx, refused, &outlet),
    };
    Ok(Events {
        outbox,
        lagging,
        standing: door.principals().enter(&ctx.caller),
        stopping: door.stopping().clone(),
        keep_alive: interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE),
        is_over: false,
        _held: (held, running, Gauged::new()),
    })
}

/// The stream's places: among those of its organisation, and among strangers where nobody vouches for it.
type Held = (Permit<Option<OrganizationId>>, Option<Place>);

fn hold<E: Executor>(door: &Door<E>, ctx: &Ctx) -> Result<Held> {
    let full = |message| Error::new(ErrorCode::TooManySubscriptions, message);
    let organization = ctx.caller.organization().ok();
    let place = door.sockets().take(organization);
    let place = place.ok_or_else(|| full("The organisation has too many streams open."))?;
    if organization.is_some() {
        return Ok((place, None));
    }
    let stranger = door.strangers().take(ctx.request.ip);
    Ok((place, Some(stranger.ok_or_else(|| full("Too many streams without a token are open."))?)))
}

/// `text/event-stream`, or a client that takes anything.
fn accepts_events(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()) else { return true };
    accept.split([',', ';']).any(|range| {
        let range = range.trim();
        range.eq_ignore_ascii_case("text/event-stream") || range == "*/*" || range == "text/*"
    })
}

/// A browser that reconnects by itself says where it was; that counts more than the `after` that it began with.
fn resume(wire: &mut GraphqlRequest, headers: &HeaderMap) {
    if let Some(cursor) =
        headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty())
    {
        wire.variables.insert(Name::new("after"), Value::from(cursor));
    }
}

/// An open event stream.
struct Events {
    outbox: mpsc::Receiver<Frame>,
    lagging: CancellationToken,
    standing: Arc<Standing>,
    stopping: CancellationToken,
    keep_alive: Interval,
    is_over: bool,
    _held: (Held, Running, Gauged),
}

impl Events {
    /// The next bytes. A stream that ends without `complete` is one to be taken up again.
    async fn next(&mut self) -> Option<Utf8Bytes> {
        if self.is_over {
            return None;
        }
        tokio::select! {
            biased;
            () = self.lagging.cancelled() => None,
            _ = self.standing.ended() => None,
            () = self.stopping.cancelled() => None,
            frame = self.outbox.recv() => {
                let frame = frame?;
                self.is_over = frame.is_last;
                Some(frame.text)
            }
            _ = self.keep_alive.tick() => Some(Utf8Bytes::from_static(":\n\n")),
        }
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let chunks = stream::unfold(self, |mut events| async {
            let text = events.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(text)), events))
        });
        let mut response = Body::from_stream(chunks).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_framed_for_browsers() {
        assert_eq!(next("{}", Some("c1")).as_str(), "id: c1\nevent: next\ndata: {}\n\n");
        assert_eq!(next("{}", None).as_str(), "event: next\ndata: {}\n\n");
        assert_eq!(next("{}", Some("a\nid: b")).as_str(), "event: next\ndata: {}\n\n");
        assert!(complete().as_str().contains("data:"), "browsers drop events without data");
    }

    #[test]
    fn the_last_event_wins_over_the_first_cursor() {
        let mut wire =
            GraphqlRequest::from_parameters("query=x&variables=%7B%22after%22%3A%22old%22%7D").unwrap();
        let headers = [(LAST_EVENT_ID, HeaderValue::from_static("new"))].into_iter().collect();
        resume(&mut wire, &headers);
        assert_eq!(wire.variables.get("after"), Some(&Value::from("new")));
    }
}

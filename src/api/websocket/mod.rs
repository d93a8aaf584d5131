//! Subscriptions, and any other operation, over `graphql-transport-ws`: the protocol, its state machine and the
//! socket that carries it. What an operation costs is `guard`'s matter, who shares one is `shared`'s.

mod admission;
mod driver;
pub mod machine;
pub mod protocol;

use async_graphql::Executor;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use http::HeaderMap;
use tracing::Instrument as _;

use super::client::{self, Bearer};
use super::door::Door;
use super::http::refuse;
use super::strangers::Place;
use crate::base::ctx::RequestInfo;
use crate::base::error::{Error, ErrorCode};
use crate::base::telemetry;

/// Bytes of the read buffer of each socket, allocated at once: axum's default costs 128 KiB an idle socket.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes that wait for a flush before they are written early.
const WRITE_BUFFER: usize = 32 * 1024;
/// Bytes that wait at most while the peer does not read; a single message is smaller.
const MOST_BUFFERED: usize = 16 * 1024 * 1024;

/// What is known of a socket when it opens.
#[derive(Debug)]
struct Opening {
    /// The upgrade request.
    request: RequestInfo,
    /// Its `Authorization` header.
    token: Option<String>,
    /// Among strangers, until it is known whose it is.
    place: Place,
}

/// Upgrades a request to a socket. Pages of foreign origins are refused, and so are clients that offer only other
/// subprotocols: selecting the legacy `graphql-ws` would make real clients speak another protocol. Too many strangers are
/// told by a close code, the one thing that pages in browsers see.
pub fn upgrade<E: Executor>(
    door: Door<E>,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    request: RequestInfo,
) -> Response {
    let stamp = door.stamp_of(&request.request_id);
    if !door.origins().allow(headers) {
        return refuse(&Error::forbidden("Pages of this origin may not open sockets."), &stamp);
    }
    let upgrade = upgrade.protocols([protocol::SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = "Offer the subprotocol graphql-transport-ws.";
        return refuse(&Error::new(ErrorCode::BadRequest, message), &stamp);
    }
    let token = match client::bearer(headers) {
        Bearer::Absent => None,
        Bearer::Token(token) => Some(token.to_owned()),
        Bearer::Malformed => return refuse(&Error::unauthenticated(), &stamp),
    };
    let tracker = door.open().clone();
    let place = door.strangers().take(request.ip);
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MOST_BUFFERED)
        .max_message_size(door.limits().message_bytes)
        .max_frame_size(door.limits().message_bytes)
        .on_upgrade(move |socket| {
            let span = telemetry::span_of_request(&request.request_id);
            let driven = async move {
                match place {
                    Some(place) => driver::drive(door, socket, Opening { request, token, place }).await,
                    None => driver::turn_away(socket).await,
                }
            };
            tracker.track_future(driven.instrument(span))
        })
}

//! The messages and close codes of the `graphql-transport-ws` subprotocol, as its PROTOCOL.md (package
//! `graphql-ws`) defines them: text in, text out. What follows from a message is `machine.rs`'s matter.

use axum::extract::ws::Utf8Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::request::GraphqlRequest;

/// The only subprotocol that is ever selected.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Bytes of the longest operation id; ids come back in every message.
const LONGEST_ID: usize = 128;

/// A message of the client.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Opens the session; the payload carries the token.
    Init(Map<String, Value>),
    /// Asks for a pong; the payload may carry a fresh token.
    Ping(Map<String, Value>),
    /// Answers a ping.
    Pong,
    /// Starts an operation.
    Subscribe(String, Box<GraphqlRequest>),
    /// Ends an operation.
    Complete(String),
}

#[derive(Deserialize)]
struct Envelope {
    r#type: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
}

impl ClientMessage {
    /// Parses one text message; `None` when it is not one of the protocol's (the socket then closes with 4400).
    pub fn parse(text: &str) -> Option<Self> {
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let Envelope { r#type, id, payload } = serde_json::from_str(text).ok()?;
        match r#type.as_str() {
            "connection_init" => optional_object(payload).map(Self::Init),
            "ping" => optional_object(payload).map(Self::Ping),
            "pong" => optional_object(payload).map(|_| Self::Pong),
            "subscribe" => {
                let request = GraphqlRequest::from_json(payload?)?;
                Some(Self::Subscribe(legal_id(id)?, Box::new(request)))
            }
            "complete" => legal_id(id).map(Self::Complete),
            _ => None,
        }
    }
}

fn optional_object(payload: Option<Value>) -> Option<Map<String, Value>> {
    match payload {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(object)) => Some(object),
        Some(_) => None,
    }
}

fn legal_id(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID)
}

/// `connection_ack`: the session is open.
pub const ACK: &str = r#"{"type":"connection_ack"}"#;
/// `ping`: the peer must answer with a pong.
pub const PING: &str = r#"{"type":"ping"}"#;
/// `pong`, never with the ping's payload, which may hold a token.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// `next`: one result of an operation. `payload` is a GraphQL response, serialised.
pub fn next(id: &str, payload: &str) -> Utf8Bytes {
    operation_message("next", id, Some(payload))
}

/// `error`: a request error, which ends the operation. `errors` is a JSON array of GraphQL errors.
pub fn error(id: &str, errors: &str) -> Utf8Bytes {
    operation_message("error", id, Some(errors))
}

/// `complete`: the operation has no more results.
pub fn complete(id: &str) -> Utf8Bytes {
    operation_message("complete", id, None)
}

fn operation_message(kind: &str, id: &str, payload: Option<&str>) -> Utf8Bytes {
    let id = Value::from(id).to_string();
    let payload = payload.map_or_else(String::new, |payload| format!(r#","payload":{payload}"#));
    format!(r#"{{"id":{id},"type":"{kind}"{payload}}}"#).into()
}

/// Why the server closes a socket. Clients resume by cursor after every code that they retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The server stops; connect again, to another instance if there is one.
    GoingAway,
    /// A message is larger than the limit.
    MessageTooBig,
    /// The client reads too slowly, or is gone without a word.
    TooSlow,
    /// The database is away for a moment, or there is no place for the socket.
    TryAgain,
    /// A message is not one of the protocol's.
    BadMessage,
    /// An operation came before the acknowledgement.
    Unauthorized,
    /// The token was refused, expired, or revoked.
    Forbidden,
    /// No `connection_init` came in time.
    InitTimeout,
    /// The id of a running operation was used again.
    DuplicateId,
    /// A second `connection_init` came.
    SecondInit,
}

impl Close {
    /// The close code, by RFC 6455 section 7.4 and the subprotocol.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::MessageTooBig => 1009,
            Self::TooSlow | Self::TryAgain => 1013,
            Self::BadMessage => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::InitTimeout => 4408,
            Self::DuplicateId => 4409,
            Self::SecondInit => 4429,
        }
    }

    /// The reason beside the code: stable and under 123 bytes, the most that a close frame holds.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "Server is going away",
            Self::MessageTooBig => "Message is too big",
            Self::TooSlow => "Consumer is too slow",
            Self::TryAgain => "Try again later",
            Self::BadMessage => "Invalid message",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::InitTimeout => "Connection initialisation timeout",
            Self::DuplicateId => "Subscriber for this id already exists",
            Self::SecondInit => "Too many initialisation requests",
        }
    }
}

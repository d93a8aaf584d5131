//! The state of one socket as a pure machine: an input in, at most one action out. It reads no clock, holds no
//! socket and starts no task; `driver.rs` carries its actions out.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::protocol::{ClientMessage, Close};
use crate::api::request::GraphqlRequest;

/// Pings without any word of the client after which it counts as gone.
const SILENT_PINGS: u8 = 2;

/// What happened to the socket.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A text message came.
    Text(&'a str),
    /// A binary message came; the subprotocol knows none.
    Binary,
    /// The token of `connection_init` was accepted.
    Admitted,
    /// A token was refused, expired, or revoked.
    Forbidden,
    /// The time for `connection_init` is over.
    InitTimeout,
    /// It is time for a ping.
    PingDue,
    /// An operation ended by itself.
    Ended(OperationNumber),
    /// The socket's queue is full, or a write hangs.
    Lagging,
    /// A message was larger than the limit.
    TooBig,
    /// The token cannot be checked now, or there is no place for the socket.
    Unavailable,
    /// The server stops.
    Stopping,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Check the token in this payload and answer with [`Input::Admitted`] or [`Input::Forbidden`].
    Admit(Map<String, Value>),
    /// Send `connection_ack`.
    Acknowledge,
    /// Send `pong`.
    Pong,
    /// Check the fresh token, send `pong`, and go on under it.
    Renew(String),
    /// Send `ping`.
    Ping,
    /// Start an operation.
    Start(OperationNumber, String, Box<GraphqlRequest>),
    /// Refuse an operation with an `error` message, since the socket has too many.
    Refuse(String),
    /// Stop an operation and send nothing.
    Stop(OperationNumber),
    /// Close the socket.
    Close(Close),
}

/// Tells operations apart that used the same id one after the other, so that a late result of the first is
/// never taken for one of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationNumber(u64);

impl OperationNumber {
    /// The number on a transport that carries one operation.
    pub const ONLY: Self = Self(0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Admitting,
    Open,
    Closed,
}

/// One socket's state.
#[derive(Debug)]
pub struct Machine {
    state: State,
    operations: HashMap<String, OperationNumber>,
    most_operations: usize,
    last_number: u64,
    silent_pings: u8,
}

impl Machine {
    /// A socket that was just accepted and may run `most_operations` at once.
    pub fn new(most_operations: usize) -> Self {
        Self {
            state: State::New,
            operations: HashMap::new(),
            most_operations,
            last_number: 0,
            silent_pings: 0,
        }
    }

    /// Whether no `connection_init` came yet.
    pub fn is_new(&self) -> bool {
        self.state == State::New
    }

    /// The peer gave a sign of life that is no message, such as a pong of the transport.
    pub fn heard(&mut self) {
        self.silent_pings = 0;
    }

    /// Takes one input; after a close every further input does nothing.
    pub fn handle(&mut self, input: Input<'_>) -> Option<Action> {
        if self.state == State::Closed {
            return None;
        }
        match input {
            Input::Text(text) => {
                self.silent_pings = 0;
                match ClientMessage::parse(text) {
                    Some(message) => self.message(message),
                    None => Some(self.close(Close::BadMessage)),
                }
            }
            Input::Binary => Some(self.close(Close::BadMessage)),
            Input::Admitted if self.state == State::Admitting => {
                self.state = State::Open;
                Some(Action::Acknowledge)
            }
            Input::Forbidden => Some(self.close(Close::Forbidden)),
            Input::InitTimeout if self.state == State::New => Some(self.close(Close::InitTimeout)),
            Input::Admitted | Input::InitTimeout => None,
            Input::PingDue => Some(self.ping()),
            Input::Ended(number) => {
                self.operations.retain(|_, running| *running != number);
                None
            }
            Input::Lagging => Some(self.close(Close::TooSlow)),
            Input::TooBig => Some(self.close(Close::MessageTooBig)),
            Input::Unavailable => Some(self.close(Close::TryAgain)),
            Input::Stopping => Some(self.close(Close::GoingAway)),
        }
    }

    fn message(&mut self, message: ClientMessage) -> Option<Action> {
        match message {
            ClientMessage::Init(payload) if self.state == State::New => {
                self.state = State::Admitting;
                Some(Action::Admit(payload))
            }
            ClientMessage::Init(_) => Some(self.close(Close::SecondInit)),
            ClientMessage::Ping(payload) => match payload.get("token") {
                Some(Value::String(token)) if self.state == State::Open => Some(Action::Renew(token.clone())),
                _ => Some(Action::Pong),
            },
            ClientMessage::Pong => None,
            ClientMessage::Subscribe(id, request) => Some(self.subscribe(id, request)),
            ClientMessage::Complete(id) => self.operations.remove(&id).map(Action::Stop),
        }
    }

    fn subscribe(&mut self, id: String, request: Box<GraphqlRequest>) -> Action {
        if self.state != State::Open {
            return self.close(Close::Unauthorized);
        }
        if self.operations.contains_key(&id) {
            return self.close(Close::DuplicateId);
        }
        if self.operations.len() >= self.most_operations {
            return Action::Refuse(id);
        }
        self.last_number += 1;
        let number = OperationNumber(self.last_number);
        self.operations.insert(id.clone(), number);
        Action::Start(number, id, request)
    }

    fn ping(&mut self) -> Action {
        if self.silent_pings >= SILENT_PINGS {
            return self.close(Close::TooSlow);
        }
        self.silent_pings += 1;
        Action::Ping
    }

    fn close(&mut self, close: Close) -> Action {
        self.state = State::Closed;
        self.operations.clear();
        Action::Close(close)
    }
}

#[cfg(test)]
mod tests;

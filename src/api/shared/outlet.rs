//! One subscriber's bounded queue and how its messages are framed. A piece is framed once for all subscribers that
//! frame it alike.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc::{
    self,
    error::{SendTimeoutError, TrySendError},
};
use tokio_util::sync::CancellationToken;

use crate::api::errors::Answer;
use crate::api::websocket::machine::OperationNumber;
use crate::api::{sse, websocket::protocol};
use crate::base::telemetry::names;

/// One step of an operation, before framing.
#[derive(Debug)]
pub enum Piece {
    /// A result.
    Next(Utf8Bytes, Option<Arc<str>>),
    /// A request error as an array of errors, which ends the operation.
    Error(Utf8Bytes),
    /// The operation has no more results.
    Complete,
}

impl From<Answer> for Piece {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Executed(executed) => Self::Next(executed.body.into(), executed.cursor.map(Arc::from)),
            Answer::Refused(_) => Self::Error(answer.errors().into()),
        }
    }
}

/// How a subscriber's transport writes a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A message of `graphql-transport-ws` under this operation id.
    WebSocket(Arc<str>),
    /// An event of `graphql-sse`, distinct connections mode.
    EventStream,
}

impl Framing {
    fn frame(&self, piece: &Piece) -> Utf8Bytes {
        match (self, piece) {
            (Self::WebSocket(id), Piece::Next(payload, _)) => protocol::next(id, payload),
            (Self::WebSocket(id), Piece::Error(errors)) => protocol::error(id, errors),
            (Self::WebSocket(id), Piece::Complete) => protocol::complete(id),
            (Self::EventStream, Piece::Next(payload, cursor)) => sse::next(payload, cursor.as_deref()),
            (Self::EventStream, Piece::Error(errors)) => sse::error(errors),
            (Self::EventStream, Piece::Complete) => sse::complete(),
        }
    }
}

/// A framed message in a subscriber's queue.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which operation of the socket it belongs to.
    pub number: OperationNumber,
    /// What goes over the wire.
    pub text: Utf8Bytes,
    /// Whether the operation ends with it.
    pub is_last: bool,
}

/// The way to one subscriber.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Which operation of the socket it belongs to.
    pub number: OperationNumber,
    /// How its messages are written.
    pub framing: Framing,
    /// Its queue; several operations of a socket share one.
    pub queue: mpsc::Sender<Frame>,
    /// Cancelled when it does not read fast enough.
    pub lagging: CancellationToken,
}

/// A piece with its last framing, which most of its subscribers share.
pub(super) struct Framed<'a> {
    piece: &'a Piece,
    last: Option<(Framing, Utf8Bytes)>,
}

impl<'a> Framed<'a> {
    pub fn new(piece: &'a Piece) -> Self {
        Self { piece, last: None }
    }

    fn text(&mut self, framing: &Framing) -> Utf8Bytes {
        match &self.last {
            Some((last, text)) if last == framing => text.clone(),
            _ => {
                let text = framing.frame(self.piece);
                self.last = Some((framing.clone(), text.clone()));
                text
            }
        }
    }

    fn is_last(&self) -> bool {
        !matches!(self.piece, Piece::Next(..))
    }
}

/// What became of a piece that was offered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It waits in the queue.
    Taken,
    /// The queue is full.
    Full,
    /// Nothing more is to be sent here.
    Over,
}

impl Outlet {
    /// Puts a piece in the queue of a subscriber that was just made; a full queue marks it as lagging.
    pub fn offer(&self, piece: &Piece) {
        if self.offer_framed(&mut Framed::new(piece)) == Offer::Full {
            self.lag();
        }
    }

    /// Puts a piece in the queue without waiting.
    pub(super) fn offer_framed(&self, framed: &mut Framed<'_>) -> Offer {
        let is_last = framed.is_last();
        let frame = Frame { number: self.number, text: framed.text(&self.framing), is_last };
        match self.queue.try_send(frame) {
            Ok(()) if is_last => Offer::Over,
            Ok(()) => Offer::Taken,
            Err(TrySendError::Full(_)) => Offer::Full,
            Err(TrySendError::Closed(_)) => Offer::Over,
        }
    }

    /// Puts a piece in the queue and waits for room; false when nothing more is to be sent here. Whoever makes no room
    /// in time is marked as lagging.
    pub async fn deliver(&self, piece: &Piece, patience: Duration) -> bool {
        let is_last = !matches!(piece, Piece::Next(..));
        let frame = Frame { number: self.number, text: self.framing.frame(piece), is_last };
        match self.queue.send_timeout(frame, patience).await {
            Ok(()) => !is_last,
            Err(SendTimeoutError::Timeout(_)) => {
                self.lag();
                false
            }
            Err(SendTimeoutError::Closed(_)) => false,
        }
    }

    fn lag(&self) {
        metrics::counter!(names::SLOW_SUBSCRIBERS).increment(1);
        self.lagging.cancel();
    }
}

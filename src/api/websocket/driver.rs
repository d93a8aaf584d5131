//! Carries one socket: reads frames, asks the machine, does what it says, and writes whatever waits in one flush.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use async_graphql::Executor;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{FutureExt, SinkExt, future::BoxFuture};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Opening;
use super::admission::{Admission, Session};
use super::machine::{Action, Input, Machine, OperationNumber};
use super::protocol::{self, Close};
use crate::api::door::Door;
use crate::api::errors::Answer;
use crate::api::live::{self, Gauged, Running};
use crate::api::principals::Ending;
use crate::api::request::GraphqlRequest;
use crate::api::shared::{Frame, Framing, Outlet};
use crate::api::strangers::Place;
use crate::base::error::{Error, ErrorCode, Result};

/// Time for `connection_init` to come.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between pings: shorter than the idle time-out of common proxies.
const PING_EVERY: Duration = Duration::from_secs(12);
/// A write that does not end by then means a peer that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for the close frame to go out and for the peer to answer it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames of one flush; then other inputs get their turn.
const BATCH: usize = 512;

/// Serves a socket until either side closes it.
pub(super) async fn drive<E: Executor>(door: Door<E>, socket: WebSocket, opening: Opening) {
    let _open = Gauged::new();
    let Opening { request, token, place } = opening;
    let (inbox, outbox) = mpsc::channel(door.hub().config.live.subscriber_queue);
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let driver = Driver {
        machine: Machine::new(door.limits().operations_per_socket),
        admission: Admission {
            hub: door.hub().clone(),
            principals: door.principals().clone(),
            sockets: door.sockets().clone(),
            request,
            header_token: token,
        },
        stranger: Some(place),
        wire: Wire { socket, outbox, running: HashMap::new() },
        inbox,
        lagging: CancellationToken::new(),
        session: None,
        admitting: None,
        init_by: Instant::now() + INIT_TIMEOUT,
        pings,
        door,
    };
    driver.run().await;
}

/// Closes a socket for which there is no place.
pub(super) async fn turn_away(socket: WebSocket) {
    part(socket, Close::TryAgain).await;
}

struct Driver<E> {
    door: Door<E>,
    machine: Machine,
    admission: Admission,
    stranger: Option<Place>,
    wire: Wire,
    inbox: mpsc::Sender<Frame>,
    lagging: CancellationToken,
    session: Option<Session>,
    admitting: Option<BoxFuture<'static, Result<Session>>>,
    init_by: Instant,
    pings: Interval,
}

/// The socket and what waits to be written to it.
struct Wire {
    socket: WebSocket,
    outbox: mpsc::Receiver<Frame>,
    running: HashMap<OperationNumber, Running>,
}

/// Why the driver woke.
enum Woke {
    Frame(Frame),
    Message(Option<Result<Message, axum::Error>>),
    Admitted(Result<Session>),
    Input(Input<'static>),
}

/// The peer is gone; there is nobody to tell.
struct Gone;

impl<E: Executor> Driver<E> {
    async fn run(mut self) {
        loop {
            let action = match self.wake().await {
                Woke::Frame(frame) => match self.write(frame).await {
                    Ok(input) => input.and_then(|input| self.machine.handle(input)),
                    Err(Gone) => return,
                },
                Woke::Message(Some(Ok(message))) => self.read(&message),
                Woke::Message(Some(Err(error))) if is_too_big(&error) => self.machine.handle(Input::TooBig),
                Woke::Message(_) => return,
                Woke::Admitted(result) => {
                    let input = self.admitted(result);
                    self.machine.handle(input)
                }
                Woke::Input(input) => self.machine.handle(input),
            };
            match action {
                Some(Action::Close(close)) => return self.close(close).await,
                Some(action) => match self.carry_out(action).await {
                    Ok(Some(close)) => return self.close(close).await,
                    Ok(None) => {}
                    Err(Gone) => return,
                },
                None => {}
            }
        }
    }

    async fn wake(&mut self) -> Woke {
        let is_new = self.machine.is_new();
        tokio::select! {
            input = interrupt(&self.lagging, self.session.as_ref(), self.door.stopping()) => Woke::Input(input),
            Some(frame) = self.wire.outbox.recv() => Woke::Frame(frame),
            message = self.wire.socket.recv() => Woke::Message(message),
            result = next(&mut self.admitting), if self.admitting.is_some() => Woke::Admitted(result),
            _ = self.pings.tick() => Woke::Input(Input::PingDue),
            () = sleep_until(self.init_by), if is_new => Woke::Input(Input::InitTimeout),
        }
    }

    /// Writes what waits and flushes once. An interruption comes back as the input that it is.
    async fn write(&mut self, first: Frame) -> Result<Option<Input<'static>>, Gone> {
        let written = tokio::select! {
            biased;
            written = self.wire.write(first) => written?,
            input = interrupt(&self.lagging, self.session.as_ref(), self.door.stopping()) => return Ok(Some(input)),
            () = sleep(WRITE_TIMEOUT) => return Ok(Some(Input::Lagging)),
        };
        for number in written {
            self.wire.running.remove(&number);
            self.machine.handle(Input::Ended(number));
        }
        Ok(None)
    }

    fn read(&mut self, message: &Message) -> Option<Action> {
        match message {
            Message::Text(text) => self.machine.handle(Input::Text(text)),
            Message::Binary(_) => self.machine.handle(Input::Binary),
            Message::Ping(_) | Message::Pong(_) => {
                self.machine.heard();
                None
            }
            // Reading on sends the answer; the end of the stream follows.
            Message::Close(_) => None,
        }
    }

    fn admitted(&mut self, result: Result<Session>) -> Input<'static> {
        self.admitting = None;
        match result {
            Ok(session) => {
                if session.ctx.caller.organization().is_ok() {
                    self.stranger = None;
                }
                self.session = Some(session);
                Input::Admitted
            }
            Err(error) => refusal(&error),
        }
    }

    async fn carry_out(&mut self, action: Action) -> Result<Option<Close>, Gone> {
        match action {
            Action::Admit(payload) => self.admitting = Some(self.admission.clone().admit(payload).boxed()),
            Action::Acknowledge => self.wire.send(protocol::ACK.into()).await?,
            Action::Pong => self.wire.send(protocol::PONG.into()).await?,
            Action::Ping => self.wire.send(protocol::PING.into()).await?,
            Action::Renew(token) => return self.renew(&token).await,
            Action::Start(number, id, request) => self.start(number, &id, *request).await,
            Action::Refuse(id) => self.refuse(&id).await?,
            Action::Stop(number) => drop(self.wire.running.remove(&number)),
            Action::Close(close) => return Ok(Some(close)),
        }
        Ok(None)
    }

    async fn start(&mut self, number: OperationNumber, id: &str, request: GraphqlRequest) {
        let Some(session) = &self.session else { return };
        let outlet = Outlet {
            number,
            framing: Framing::WebSocket(id.into()),
            queue: self.inbox.clone(),
            lagging: self.lagging.clone(),
        };
        let running = live::open(&self.door, &session.ctx, request, outlet).await;
        self.wire.running.insert(number, running);
    }

    async fn refuse(&mut self, id: &str) -> Result<(), Gone> {
        let Some(session) = &self.session else { return Ok(()) };
        let error = Error::new(ErrorCode::TooManySubscriptions, "The socket has too many operations open.");
        let answer = Answer::failed(&error, &self.door.stamp(&session.ctx));
        self.wire.send(protocol::error(id, &answer.errors())).await
    }

    /// A fresh token that cannot be checked now changes nothing; the old one stands until it ends.
    async fn renew(&mut self, token: &str) -> Result<Option<Close>, Gone> {
        if let Some(session) = &mut self.session
            && let Err(error) = session.renew(self.door.principals(), token).await
            && error.code == ErrorCode::Unauthenticated
        {
            return Ok(Some(Close::Forbidden));
        }
        self.wire.send(protocol::PONG.into()).await?;
        Ok(None)
    }

    async fn close(mut self, close: Close) {
        self.wire.running.clear();
        part(self.wire.socket, close).await;
    }
}

/// Sends the close frame and waits for the peer's, so that what it still sends does not reset the connection before it
/// has read ours. After a message that is too big nothing can be read: then it is given the time.
async fn part(mut socket: WebSocket, close: Close) {
    let frame = CloseFrame { code: close.code(), reason: close.reason().into() };
    let parting = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
            if close == Close::MessageTooBig {
                std::future::pending::<()>().await;
            }
        }
    };
    let _in_time = timeout(CLOSE_TIMEOUT, parting).await;
}

/// The reader refuses a message by the length that its header announces; the socket still writes.
fn is_too_big(error: &axum::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<tungstenite::Error>());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

impl Wire {
    /// Feeds all frames that wait, at most a batch, and flushes. Gives the operations that ended.
    async fn write(&mut self, first: Frame) -> Result<Vec<OperationNumber>, Gone> {
        let mut ended = Vec::new();
        let mut frame = first;
        for written in 1..=BATCH {
            if self.running.contains_key(&frame.number) {
                self.socket.feed(Message::Text(frame.text)).await.map_err(|_| Gone)?;
                if frame.is_last {
                    ended.push(frame.number);
                }
            }
            if written == BATCH {
                break;
            }
            let Ok(next) = self.outbox.try_recv() else { break };
            frame = next;
        }
        self.socket.flush().await.map_err(|_| Gone)?;
        Ok(ended)
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), Gone> {
        timeout(WRITE_TIMEOUT, self.socket.send(Message::Text(text)))
            .await
            .map_err(|_| Gone)?
            .map_err(|_| Gone)
    }
}

/// Resolves when the socket must end for a reason that lies outside it.
async fn interrupt(
    lagging: &CancellationToken,
    session: Option<&Session>,
    stopping: &CancellationToken,
) -> Input<'static> {
    let ended = async {
        match session {
            Some(session) => session.standing.ended().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = lagging.cancelled() => Input::Lagging,
        ending = ended => match ending {
            Ending::Over => Input::Forbidden,
            Ending::Unconfirmed => Input::Unavailable,
        },
        () = stopping.cancelled() => Input::Stopping,
    }
}

async fn next(admitting: &mut Option<BoxFuture<'static, Result<Session>>>) -> Result<Session> {
    match admitting {
        Some(admission) => admission.await,
        None => std::future::pending().await,
    }
}

fn refusal(error: &Error) -> Input<'static> {
    match error.code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => Input::Forbidden,
        _ => Input::Unavailable,
    }
}

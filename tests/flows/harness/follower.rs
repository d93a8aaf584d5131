//! A subscriber that comes back: it keeps the cursor of the last event, and whenever its socket ends or falls silent it
//! goes to the next instance and resumes behind it. What it saw is one side of the ledger.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use phonehub::{config::KeySet, graphql::cursor};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{fleet::Fleet, patience::eventually, socket::Subscription};

const EVENTS: &str = "subscription($after: String) { events(after: $after) { cursor node { type subject \
     message { id status } } } }";
/// A socket that is silent for this long is asked whether it lives, and left if it says nothing for as long again.
const SILENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// One event as a subscriber saw it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Place in the organisation's log.
    pub position: i64,
    /// The message that it is about, with its status after the event.
    pub message: Option<(String, String)>,
    /// When it arrived.
    pub at: Instant,
}

/// A subscriber under way; stops when dropped.
pub struct Follower {
    seen: Arc<Mutex<Vec<Sighting>>>,
    head: watch::Receiver<i64>,
    openings: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

struct Reader {
    servers: Vec<std::net::SocketAddr>,
    token: String,
    keys: KeySet,
    list: String,
    cursor: Option<String>,
    seen: Arc<Mutex<Vec<Sighting>>>,
    head: watch::Sender<i64>,
    openings: watch::Sender<usize>,
}

impl Follower {
    /// Subscribes at this instance first and waits until it follows.
    pub async fn start(fleet: &Fleet, instance: usize) -> Self {
        let mut servers = fleet.addresses();
        servers.rotate_left(instance);
        let seen = Arc::<Mutex<Vec<Sighting>>>::default();
        let (tell_head, head) = watch::channel(0);
        let (tell_openings, openings) = watch::channel(0);
        let reader = Reader {
            servers,
            token: fleet.token.clone(),
            keys: fleet.hub.token_keys.clone(),
            list: format!("{}/events", fleet.organization.id),
            cursor: None,
            seen: seen.clone(),
            head: tell_head,
            openings: tell_openings,
        };
        let follower = Self { seen, head, openings, task: tokio::spawn(reader.follow()) };
        eventually("the subscriber is at its place", async || {
            (*follower.openings.borrow() > 0).then_some(())
        })
        .await;
        follower
    }

    /// How often it had to subscribe.
    pub fn openings(&self) -> usize {
        *self.openings.borrow()
    }

    /// Waits until it has seen this position.
    pub async fn reached(&mut self, position: i64) {
        let patience = 2 * super::app::PATIENCE;
        let reached = timeout(patience, self.head.wait_for(|head| *head >= position)).await;
        let reached = reached.is_ok_and(|head| head.is_ok());
        if !reached {
            let head = *self.head.borrow();
            panic!("a subscriber is at {head} instead of {position}, after {} openings", self.openings());
        }
    }

    /// All that it saw, in the order in which it came.
    pub fn seen(&self) -> Vec<Sighting> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    async fn follow(mut self) {
        for place in 0_usize.. {
            let server = self.servers[place % self.servers.len()];
            let variables = json!({ "after": self.cursor });
            let opening = Subscription::try_open(server, &self.token, EVENTS, variables);
            if let Ok(Some(mut socket)) = timeout(2 * SILENCE, opening).await {
                self.listen(&mut socket).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Until the socket ends.
    async fn listen(&mut self, socket: &mut Subscription) {
        let (mut asked, mut opened) = (false, false);
        if socket.try_say(json!({ "type": "ping" })).await.is_none() {
            return;
        }
        loop {
            match timeout(SILENCE, socket.receive()).await {
                Err(_) if asked => return,
                Err(_) => {
                    asked = true;
                    if socket.try_say(json!({ "type": "ping" })).await.is_none() {
                        return;
                    }
                }
                Ok(None) => return,
                Ok(Some(message)) => {
                    asked = false;
                    if message["type"] == "pong" && !opened {
                        opened = true;
                        self.openings.send_modify(|openings| *openings += 1);
                    }
                    if !self.take(socket, message).await {
                        return;
                    }
                }
            }
        }
    }

    /// Notes an event; false when the subscription is over.
    async fn take(&mut self, socket: &mut Subscription, mut message: Value) -> bool {
        match message["type"].as_str() {
            Some("next") if message["payload"]["errors"].is_null() => {
                self.note(message["payload"]["data"]["events"].take());
                true
            }
            Some("next") => over(&message["payload"]["errors"]),
            Some("error") => over(&message["payload"]),
            Some("ping") => socket.try_say(json!({ "type": "pong" })).await.is_some(),
            Some("pong") => true,
            Some("complete") => false,
            _ => panic!("a subscriber heard {message}"),
        }
    }

    fn note(&mut self, mut edge: Value) {
        let Value::String(cursor) = edge["cursor"].take() else { panic!("no cursor in {edge}") };
        let place = cursor::open(&self.keys, &self.list, &cursor).unwrap();
        let position = i64::from_be_bytes(place.try_into().unwrap());
        let node = &edge["node"]["message"];
        let message = node["id"]
            .as_str()
            .filter(|_| edge["node"]["type"] == "MESSAGE_STATUS_CHANGED")
            .map(|id| (id.to_owned(), node["status"].as_str().unwrap().to_owned()));
        self.seen.lock().unwrap().push(Sighting { position, message, at: Instant::now() });
        self.cursor = Some(cursor);
        self.head.send_replace(position);
    }
}

/// A subscription may end when its server cannot go on for a moment; any other error fails the test.
fn over(errors: &Value) -> bool {
    let code = errors[0]["extensions"]["code"].as_str();
    assert_eq!(code, Some("UNAVAILABLE"), "a subscriber was told {errors}");
    false
}

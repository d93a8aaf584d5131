//! Carries committed events to the other processes. An accelerator: what it loses, subscribers read from the log.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use entity::ids::OrganizationId;
use redis::{
    Client, PushInfo, PushKind, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{events::Event, telemetry::names};

/// Publications that wait for Redis at most; more are dropped and found by polling.
const OUTBOX: usize = 4096;
/// Between two tries to listen to what Redis did not let us listen to.
const AGAIN: Duration = Duration::from_secs(1);
const CHANNEL: &str = "phonehub:events:";

/// What the bus tells the feeds.
#[derive(Debug)]
pub enum Signal {
    /// Events that another process (or this one) committed.
    Events(Vec<Event>),
    /// Publications may have been lost: read the log.
    Resync,
}

/// How events travel between processes.
#[derive(Clone, Debug)]
pub enum Bus {
    /// One process: its own feeds are told directly, nothing else is needed.
    Memory,
    /// Redis pub/sub, one channel an organisation.
    Redis(RedisBus),
}

impl Bus {
    /// Hands events to the other processes; never waits and never fails.
    pub fn publish(&self, events: &[Event]) {
        if let Self::Redis(bus) = self {
            bus.announce(events.to_vec());
        }
    }

    /// Somebody here listens to this organisation from now on.
    pub fn listen(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            let _ = bus.orders.send(Order::Listen(organization));
        }
    }

    /// Nobody here listens to this organisation any more.
    pub fn leave(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            let _ = bus.orders.send(Order::Leave(organization));
        }
    }

    /// Whether the connection to the other processes works; always true in memory.
    pub async fn is_up(&self) -> bool {
        match self {
            Self::Memory => true,
            Self::Redis(bus) => bus.ping().await.is_ok(),
        }
    }
}

/// Never dropped, unlike publications: one that is lost would leave subscribers to polling for good.
enum Order {
    Listen(OrganizationId),
    Leave(OrganizationId),
}

/// One connection that publishes and subscribes, each in a background task.
#[derive(Clone)]
pub struct RedisBus {
    orders: mpsc::UnboundedSender<Order>,
    publications: mpsc::Sender<Vec<Event>>,
    connection: ConnectionManager,
}

impl std::fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisBus")
    }
}

impl RedisBus {
    /// Connects in the background: Redis may be down at start, or later.
    pub fn start(url: &str, signals: mpsc::UnboundedSender<Signal>) -> Result<Self, RedisError> {
        let client = Client::open(resp3(url))?;
        let pushes = signals;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(usize::MAX)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_secs(1))
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(Some(Duration::from_secs(2)))
            .set_automatic_resubscription()
            .set_push_sender(move |push: PushInfo| {
                signal_of(&push)
                    .map_or(Ok(()), |signal| pushes.send(signal).map_err(|_| redis::aio::SendError))
            });
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        let (orders, ordered) = mpsc::unbounded_channel();
        let (publications, outbox) = mpsc::channel(OUTBOX);
        tokio::spawn(listen_as_told(connection.clone(), ordered));
        tokio::spawn(publish_all(connection.clone(), outbox));
        Ok(Self { orders, publications, connection })
    }

    fn announce(&self, events: Vec<Event>) {
        if self.publications.try_send(events).is_err() {
            metrics::counter!(names::BUS_DROPPED).increment(1);
        }
    }

    async fn ping(&self) -> Result<(), String> {
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        let answer =
            tokio::time::timeout(Duration::from_millis(500), ping.query_async::<()>(&mut connection)).await;
        answer.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())
    }
}

/// RESP3 lets one connection publish and receive pushes.
fn resp3(url: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    if url.contains("protocol=") { url.to_owned() } else { format!("{url}{separator}protocol=resp3") }
}

fn signal_of(push: &PushInfo) -> Option<Signal> {
    match push.kind {
        PushKind::Disconnection | PushKind::Subscribe => Some(Signal::Resync),
        PushKind::Message => match push.data.as_slice() {
            [_, Value::BulkString(payload)] => serde_json::from_slice(payload).ok().map(Signal::Events),
            _ => None,
        },
        _ => None,
    }
}

async fn publish_all(mut connection: ConnectionManager, mut outbox: mpsc::Receiver<Vec<Event>>) {
    while let Some(events) = outbox.recv().await {
        if let Err(error) = publish(&mut connection, &events).await {
            tracing::warn!(kind = ?error.kind(), "Redis did not take events; subscribers poll until it does");
        }
    }
}

/// Subscribes for the first listener of an organisation and unsubscribes after the last. What fails while Redis is away is
/// not known to the automatic resubscription, so it is asked for until it is granted.
async fn listen_as_told(mut connection: ConnectionManager, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut listeners: HashMap<OrganizationId, usize> = HashMap::new();
    let mut missing: HashSet<OrganizationId> = HashSet::new();
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Listen(organization)) => {
                    let count = listeners.entry(organization).or_default();
                    *count += 1;
                    if *count == 1 {
                        missing.insert(organization);
                    }
                }
                Some(Order::Leave(organization)) => {
                    if is_last(&mut listeners, organization) {
                        missing.remove(&organization);
                        let _ = connection.unsubscribe(channel(organization)).await;
                    }
                }
            },
            _ = again.tick(), if !missing.is_empty() => {}
        }
        listen(&mut connection, &mut missing).await;
    }
}

/// Takes one listener away; whether none is left.
fn is_last(listeners: &mut HashMap<OrganizationId, usize>, organization: OrganizationId) -> bool {
    match listeners.get_mut(&organization) {
        Some(count) if *count > 1 => {
            *count -= 1;
            false
        }
        _ => listeners.remove(&organization).is_some(),
    }
}

/// Takes out of `missing` what Redis grants, until it refuses one.
async fn listen(connection: &mut ConnectionManager, missing: &mut HashSet<OrganizationId>) {
    while let Some(organization) = missing.iter().next().copied() {
        if let Err(error) = connection.subscribe(channel(organization)).await {
            tracing::warn!(kind = ?error.kind(), "Redis lets nobody listen; subscribers poll until it does");
            return;
        }
        missing.remove(&organization);
    }
}

fn channel(organization: OrganizationId) -> String {
    format!("{CHANNEL}{organization}")
}

async fn publish(connection: &mut ConnectionManager, events: &[Event]) -> Result<(), RedisError> {
    let mut pipeline = redis::pipe();
    for same in events.chunk_by(|a, b| a.organization_id == b.organization_id) {
        let payload = serde_json::to_vec(same).unwrap_or_default();
        pipeline.publish(channel(same[0].organization_id), payload).ignore();
    }
    pipeline.query_async(connection).await
}

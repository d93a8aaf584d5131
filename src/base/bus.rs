//! Carries committed events to the other processes. An accelerator: what it loses, subscribers read from the log.

use std::{collections::HashSet, sync::Arc, time::Duration};

use entity::ids::OrganizationId;
use redis::{
    Client, PushInfo, PushKind, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::mpsc;

use super::{events::Event, telemetry::names};

/// Publications that wait for Redis at most; more are dropped and found by polling.
const OUTBOX: usize = 4096;
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
            bus.tell(Order::Publish(events.to_vec()));
        }
    }

    /// Somebody here listens to this organisation from now on.
    pub fn listen(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            bus.tell(Order::Listen(organization));
        }
    }

    /// Nobody here listens to this organisation any more.
    pub fn leave(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            bus.tell(Order::Leave(organization));
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

enum Order {
    Publish(Vec<Event>),
    Listen(OrganizationId),
    Leave(OrganizationId),
}

/// A background task with one connection that publishes and subscribes.
#[derive(Clone)]
pub struct RedisBus {
    orders: mpsc::Sender<Order>,
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
        let (orders, inbox) = mpsc::channel(OUTBOX);
        tokio::spawn(carry_out(connection.clone(), inbox));
        Ok(Self { orders, connection })
    }

    fn tell(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
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

async fn carry_out(mut connection: ConnectionManager, mut inbox: mpsc::Receiver<Order>) {
    let mut wanted: HashSet<OrganizationId> = HashSet::new();
    while let Some(order) = inbox.recv().await {
        let result = match order {
            Order::Publish(events) => publish(&mut connection, &events).await,
            Order::Listen(organization) => {
                wanted.insert(organization);
                connection.subscribe(channel(organization)).await
            }
            Order::Leave(organization) => {
                wanted.remove(&organization);
                connection.unsubscribe(channel(organization)).await
            }
        };
        if let Err(error) = result {
            tracing::warn!(kind = ?error.kind(), "Redis did not take an order; subscribers poll until it does");
            resubscribe(&connection, &wanted);
        }
    }
}

/// A subscription that failed while Redis was away is not known to the automatic resubscription: ask again.
fn resubscribe(connection: &ConnectionManager, wanted: &HashSet<OrganizationId>) {
    let channels: Arc<[String]> = wanted.iter().map(|organization| channel(*organization)).collect();
    let mut connection = connection.clone();
    tokio::spawn(async move {
        for channel in channels.iter() {
            let _ = connection.subscribe(channel).await;
        }
    });
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

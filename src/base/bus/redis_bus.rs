//! The bus over Redis pub/sub: one connection that publishes and subscribes, each in a background task.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use entity::ids::OrganizationId;
use redis::{
    Client, PushInfo, PushKind, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{MissedTickBehavior, interval},
};

use super::{Signal, Signals};
use crate::base::{events::Event, telemetry::names};

/// Publications that wait for Redis at most; more are dropped and found by polling.
const OUTBOX: usize = 4096;
/// Between two tries to listen to what Redis did not let us listen to.
const AGAIN: Duration = Duration::from_secs(1);
const CHANNEL: &str = "phonehub:events:";
/// Every process listens to it.
const REVOCATIONS: &str = "phonehub:revocations";

/// What goes out.
enum Publication {
    Events(Vec<Event>),
    Revocation,
}

/// Whom this process wants to hear. A state and no queue, so that it cannot grow beyond the feeds that are open.
#[derive(Default)]
struct Wishes {
    listeners: Mutex<HashMap<OrganizationId, usize>>,
    changed: Notify,
}

/// The two tasks' handles.
#[derive(Clone)]
pub struct RedisBus {
    wishes: Arc<Wishes>,
    publications: mpsc::Sender<Publication>,
    connection: ConnectionManager,
}

impl std::fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisBus")
    }
}

impl RedisBus {
    /// Connects in the background: Redis may be down at start, or later.
    pub fn start(url: &str, signals: Signals) -> Result<Self, RedisError> {
        let client = Client::open(resp3(url))?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(usize::MAX)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_secs(1))
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(Some(Duration::from_secs(2)))
            .set_automatic_resubscription()
            .set_push_sender(move |push: PushInfo| -> Result<(), redis::aio::SendError> {
                if let Some(signal) = signal_of(&push) {
                    signals.tell(signal);
                }
                Ok(())
            });
        let connection = ConnectionManager::new_lazy_with_config(client, config)?;
        let wishes = Arc::<Wishes>::default();
        let (publications, outbox) = mpsc::channel(OUTBOX);
        tokio::spawn(listen_as_wished(connection.clone(), wishes.clone()));
        tokio::spawn(publish_all(connection.clone(), outbox));
        Ok(Self { wishes, publications, connection })
    }

    pub(super) fn announce(&self, events: &[Event]) {
        self.send(Publication::Events(events.to_vec()));
    }

    pub(super) fn announce_revocation(&self) {
        self.send(Publication::Revocation);
    }

    fn send(&self, publication: Publication) {
        if self.publications.try_send(publication).is_err() {
            metrics::counter!(names::BUS_DROPPED).increment(1);
        }
    }

    pub(super) fn listen(&self, organization: OrganizationId) {
        *self.wishes.listeners().entry(organization).or_default() += 1;
        self.wishes.changed.notify_one();
    }

    pub(super) fn leave(&self, organization: OrganizationId) {
        let mut listeners = self.wishes.listeners();
        match listeners.get_mut(&organization) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                listeners.remove(&organization);
                self.wishes.changed.notify_one();
            }
        }
    }

    pub(super) async fn ping(&self) -> Result<(), String> {
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        let answer =
            tokio::time::timeout(Duration::from_millis(500), ping.query_async::<()>(&mut connection)).await;
        answer.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())
    }
}

impl Wishes {
    fn listeners(&self) -> MutexGuard<'_, HashMap<OrganizationId, usize>> {
        self.listeners.lock().expect("no panic holds it")
    }

    /// Every channel that is to be heard.
    fn channels(&self) -> HashSet<String> {
        let of_organizations = self.listeners().keys().copied().map(channel).collect::<Vec<_>>();
        of_organizations.into_iter().chain([REVOCATIONS.to_owned()]).collect()
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
            [Value::BulkString(channel), _] if channel == REVOCATIONS.as_bytes() => Some(Signal::Revocation),
            [_, Value::BulkString(payload)] => serde_json::from_slice(payload).ok().map(Signal::Events),
            _ => None,
        },
        _ => None,
    }
}

async fn publish_all(mut connection: ConnectionManager, mut outbox: mpsc::Receiver<Publication>) {
    while let Some(publication) = outbox.recv().await {
        let published = match &publication {
            Publication::Events(events) => publish(&mut connection, events).await,
            Publication::Revocation => {
                redis::cmd("PUBLISH").arg(REVOCATIONS).arg("").query_async(&mut connection).await
            }
        };
        if let Err(error) = published {
            tracing::warn!(kind = ?error.kind(), "Redis did not take a publication; others poll until it does");
        }
    }
}

/// Subscribes for the first listener of an organisation and unsubscribes after the last. What fails while Redis is away is
/// not known to the automatic resubscription, so it is asked for until it is granted. Ends when nobody can wish any more.
async fn listen_as_wished(mut connection: ConnectionManager, wishes: Arc<Wishes>) {
    let mut granted: HashSet<String> = HashSet::new();
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Arc::strong_count(&wishes) > 1 {
        let channels = wishes.channels();
        for channel in granted.extract_if(|channel| !channels.contains(channel)) {
            let _ = connection.unsubscribe(channel).await;
        }
        for channel in channels {
            if granted.contains(&channel) {
                continue;
            }
            if let Err(error) = connection.subscribe(channel.as_str()).await {
                tracing::warn!(kind = ?error.kind(), "Redis lets nobody listen; subscribers poll until it does");
                break;
            }
            granted.insert(channel);
        }
        tokio::select! {
            () = wishes.changed.notified() => {}
            _ = again.tick() => {}
        }
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

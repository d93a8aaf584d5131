//! Live events inside this process: one feed an organisation, whose task keeps the order, closes holes from the log,
//! and hands each event once to all local subscribers. Its queues are bounded: what does not fit is in the log.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use entity::{event_counter, ids::OrganizationId};
use futures_util::{Stream, stream};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::{
    bus::{Bus, Signal, SignalQueue},
    db::Db,
    error::Result,
    events::{self, Event},
};

/// Events that a subscriber may lag behind before it has to read the log again.
const BACKLOG: usize = 1024;
/// Commits that wait for a feed's task, which waits for the database where it has to read the log. One that finds no room
/// is not kept: the task is told to read on instead.
const INBOX: usize = 256;
/// How long a lost publication can delay an event.
const POLL: Duration = Duration::from_millis(900);

/// All feeds of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Feeds {
    db: Db,
    bus: Bus,
    open: Arc<Mutex<HashMap<OrganizationId, Weak<Feed>>>>,
    revocation: Arc<Notify>,
    commits: Arc<Commits>,
}

/// Whose logs this process wrote since somebody last asked.
#[derive(Debug, Default)]
struct Commits {
    organizations: Mutex<HashSet<OrganizationId>>,
    news: Notify,
}

/// One organisation's live events; lives as long as somebody listens.
#[derive(Debug)]
struct Feed {
    organization: OrganizationId,
    inbox: mpsc::Sender<Vec<Event>>,
    /// The log may be ahead of the feed's task.
    behind: Arc<Notify>,
    events: broadcast::Sender<Event>,
    /// The last position that was handed out; changes after each one.
    head: watch::Receiver<i64>,
    bus: Bus,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.bus.leave(self.organization);
    }
}

impl Feed {
    fn hand_over(&self, events: &[Event]) {
        if self.inbox.try_send(events.to_vec()).is_err() {
            self.behind.notify_one();
        }
    }
}

impl Feeds {
    /// Feeds over a bus; `signals` is where the bus reports.
    pub fn start(db: Db, bus: Bus, signals: SignalQueue) -> Self {
        let feeds =
            Self { db, bus, open: Arc::default(), revocation: Arc::default(), commits: Arc::default() };
        tokio::spawn(feeds.clone().take_signals(signals));
        tokio::spawn(feeds.clone().poll());
        feeds
    }

    /// Tells local subscribers and the other processes of committed events. Never waits.
    pub fn publish(&self, committed: &[Event]) {
        if committed.is_empty() {
            return;
        }
        metrics::counter!("phonehub_events_published_total").increment(committed.len() as u64);
        self.bus.publish(committed);
        self.hand_over(committed);
        let written = committed.iter().map(|event| event.organization_id);
        self.commits.organizations.lock().expect("no panic holds it").extend(written);
        self.commits.news.notify_one();
    }

    /// Waits until this process has committed events, and takes the organisations of all that it committed meanwhile.
    /// For the one task that wakes durable readers.
    pub async fn committed(&self) -> HashSet<OrganizationId> {
        loop {
            let written = std::mem::take(&mut *self.commits.organizations.lock().expect("no panic holds it"));
            if !written.is_empty() {
                return written;
            }
            self.commits.news.notified().await;
        }
    }

    /// Tells this process and the others that somebody's sessions, keys or rights ended. Never waits.
    pub fn announce_revocation(&self) {
        self.revocation.notify_one();
        self.bus.announce_revocation();
    }

    /// Resolves when one was announced since the last time, by whichever process, or may have been. For one waiter.
    pub async fn revocation(&self) {
        self.revocation.notified().await;
    }

    /// Whether the other processes are reached at once, not only by polling.
    pub async fn is_connected(&self) -> bool {
        self.bus.is_up().await
    }

    /// Events after `after`, or from now on: first from the log, then live; none is missing and none comes twice. The
    /// stream ends with an error when the log was cut behind the cursor.
    pub async fn subscribe(
        &self,
        organization: OrganizationId,
        after: Option<i64>,
    ) -> Result<impl Stream<Item = Result<Event>> + Send + use<>> {
        let feed = self.feed(organization).await?;
        let live = feed.events.subscribe();
        let position = match after {
            Some(position) => position,
            None => events::last_position(self.db.read(), organization).await?,
        };
        let reader = Reader {
            feed,
            live,
            position,
            page: Vec::new().into_iter(),
            caught_up: after.is_none(),
            db: self.db.clone(),
        };
        Ok(stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(event)) => Some((Ok(event), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    async fn feed(&self, organization: OrganizationId) -> Result<Arc<Feed>> {
        if let Some(feed) = self.existing(organization) {
            return Ok(feed);
        }
        let head = events::last_position(self.db.read(), organization).await?;
        let mut open = self.open.lock().expect("no panic holds it");
        if let Some(feed) = open.get(&organization).and_then(Weak::upgrade) {
            return Ok(feed);
        }
        self.bus.listen(organization);
        let (inbox, news) = mpsc::channel(INBOX);
        let behind = Arc::new(Notify::new());
        let (events, _) = broadcast::channel(BACKLOG);
        let (tell_head, head_seen) = watch::channel(head);
        let order = Order { db: self.db.clone(), organization, out: events.clone(), head: tell_head };
        tokio::spawn(order.keep(news, behind.clone()));
        let feed = Feed { organization, inbox, behind, events, head: head_seen, bus: self.bus.clone() };
        let feed = Arc::new(feed);
        open.insert(organization, Arc::downgrade(&feed));
        // Whatever was committed between reading the head and listening is in the log.
        feed.behind.notify_one();
        Ok(feed)
    }

    fn existing(&self, organization: OrganizationId) -> Option<Arc<Feed>> {
        self.open.lock().expect("no panic holds it").get(&organization).and_then(Weak::upgrade)
    }

    fn all(&self) -> Vec<Arc<Feed>> {
        let mut open = self.open.lock().expect("no panic holds it");
        open.retain(|_, feed| feed.strong_count() > 0);
        open.values().filter_map(Weak::upgrade).collect()
    }

    fn hand_over(&self, committed: &[Event]) {
        for same in committed.chunk_by(|a, b| a.organization_id == b.organization_id) {
            if let Some(feed) = self.existing(same[0].organization_id) {
                feed.hand_over(same);
            }
        }
    }

    async fn take_signals(self, mut signals: SignalQueue) {
        while let Some(signal) = signals.next().await {
            match signal {
                Signal::Events(events) => self.hand_over(&events),
                Signal::Revocation => self.revocation.notify_one(),
                Signal::Resync => {
                    self.revocation.notify_one();
                    self.all().iter().for_each(|feed| feed.behind.notify_one());
                }
            }
        }
    }

    /// One small query for all listening organisations finds what the bus lost.
    async fn poll(self) {
        loop {
            tokio::time::sleep(POLL).await;
            let feeds = self.all();
            if feeds.is_empty() {
                continue;
            }
            let ids = feeds.iter().map(|feed| feed.organization);
            let counters = event_counter::Entity::find()
                .filter(event_counter::Column::OrganizationId.is_in(ids))
                .all(self.db.read())
                .await;
            let Ok(counters) = counters else { continue };
            let last: HashMap<_, _> =
                counters.into_iter().map(|row| (row.organization_id, row.position)).collect();
            for feed in feeds {
                if last.get(&feed.organization).is_some_and(|last| *last > *feed.head.borrow()) {
                    feed.behind.notify_one();
                }
            }
        }
    }
}

/// The feed's task: hands out dense, ascending positions whatever order the news come in.
struct Order {
    db: Db,
    organization: OrganizationId,
    out: broadcast::Sender<Event>,
    head: watch::Sender<i64>,
}

impl Order {
    /// Works until the feed is gone.
    async fn keep(self, mut news: mpsc::Receiver<Vec<Event>>, behind: Arc<Notify>) {
        loop {
            tokio::select! {
                events = news.recv() => match events {
                    Some(events) => self.take(events).await,
                    None => return,
                },
                () = behind.notified() => self.read_on().await,
            }
        }
    }

    async fn take(&self, events: Vec<Event>) {
        let next = *self.head.borrow() + 1;
        if events.first().is_some_and(|event| event.position <= next) {
            events.into_iter().filter(|event| event.position >= next).for_each(|event| self.hand_out(event));
        } else {
            // A hole: the log knows. Events in hand are in the log too, since they were committed.
            self.read_on().await;
        }
    }

    /// Hands out what the log has beyond what was handed out.
    async fn read_on(&self) {
        loop {
            let position = *self.head.borrow();
            match events::read_after(self.db.read(), self.organization, position).await {
                Ok(page) if page.is_empty() => return,
                Ok(page) => page.into_iter().for_each(|event| self.hand_out(event)),
                Err(error) if error.code == super::error::ErrorCode::CursorTooOld => {
                    // Retention cut the gap away; what survives is still to be handed out.
                    match events::before_oldest(self.db.read(), self.organization, position).await {
                        Ok(resume) if resume > position => {
                            self.head.send_replace(resume);
                        }
                        _ => return,
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the event log cannot be read; the next poll tries again");
                    return;
                }
            }
        }
    }

    fn hand_out(&self, event: Event) {
        let position = event.position;
        let _ = self.out.send(event);
        self.head.send_replace(position);
    }
}

/// One subscriber's place in the log.
struct Reader {
    feed: Arc<Feed>,
    live: broadcast::Receiver<Event>,
    position: i64,
    page: std::vec::IntoIter<Event>,
    caught_up: bool,
    db: Db,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.page.next() {
                self.position = event.position;
                return Ok(Some(event));
            }
            if !self.caught_up {
                let page = events::read_after(self.db.read(), self.feed.organization, self.position).await?;
                self.caught_up = page.is_empty();
                self.page = page.into_iter();
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.position <= self.position => {}
                Ok(event) if event.position == self.position + 1 => {
                    self.position = event.position;
                    return Ok(Some(event));
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.caught_up = false,
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests;

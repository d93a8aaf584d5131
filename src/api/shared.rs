//! Live answers on their way to subscribers. Subscribers of equal class, document and variables share one execution,
//! whose every event is executed and serialised once; each has a bounded queue, and whoever does not empty it is told
//! to go. Knows no transport but the framing of its messages.

mod outlet;

pub use outlet::{Frame, Framing, Outlet, Piece};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream::BoxStream};
use outlet::{Framed, Offer};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::graphql::live::Opened;

/// How long all sharers wait, at most once a laggard, for one whose queue is full.
const GRACE: Duration = Duration::from_millis(500);
/// How long a message may wait for a reader that shares with nobody.
const PATIENCE: Duration = Duration::from_secs(30);

/// The executions that are shared in this process, by key.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<HashMap<Arc<str>, Arc<Group>>>>);

#[derive(Debug)]
struct Group {
    key: Arc<str>,
    members: Mutex<Members>,
    abandoned: CancellationToken,
    opened: Opened,
}

#[derive(Debug, Default)]
struct Members {
    is_over: bool,
    last: u64,
    outlets: HashMap<u64, Outlet>,
}

/// A place in a shared execution, given up when dropped; the last one ends the execution.
#[derive(Debug)]
pub struct Membership {
    shared: Shared,
    group: Arc<Group>,
    number: u64,
}

impl Shared {
    /// Joins the execution of this key, or starts it with `start`. Events from now on reach `outlet`.
    pub fn join(
        &self,
        key: String,
        outlet: Outlet,
        start: impl FnOnce(Opened) -> BoxStream<'static, Piece>,
    ) -> Membership {
        let mut groups = self.lock();
        let running = groups.get(key.as_str()).filter(|group| !group.members().is_over).cloned();
        let is_new = running.is_none();
        let group = running.unwrap_or_else(|| Arc::new(Group::new(key)));
        let number = group.add(outlet);
        if is_new {
            groups.insert(group.key.clone(), group.clone());
            tokio::spawn(pump(self.clone(), group.clone(), start(group.opened.clone())).in_current_span());
        }
        Membership { shared: self.clone(), group, number }
    }

    /// Executions that run now.
    pub fn running(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Group>>> {
        self.0.lock().expect("no panic happens under this lock")
    }
}

/// Takes this execution out of the map, unless another one stands there under the same key by now.
fn forget(groups: &mut HashMap<Arc<str>, Arc<Group>>, group: &Arc<Group>) {
    if groups.get(&group.key).is_some_and(|current| Arc::ptr_eq(current, group)) {
        groups.remove(&group.key);
    }
}

impl Group {
    fn new(key: String) -> Self {
        Self {
            key: key.into(),
            members: Mutex::default(),
            abandoned: CancellationToken::new(),
            opened: Opened::default(),
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().expect("no panic happens under this lock")
    }

    fn add(&self, outlet: Outlet) -> u64 {
        let mut members = self.members();
        members.last += 1;
        let number = members.last;
        members.outlets.insert(number, outlet);
        number
    }

    /// Hands one piece to all; those that are gone or done leave. Gives those whose queue is full.
    fn hand_out(&self, piece: &Piece) -> Vec<(u64, Outlet)> {
        let mut framed = Framed::new(piece);
        let mut full = Vec::new();
        self.members().outlets.retain(|number, outlet| match outlet.offer_framed(&mut framed) {
            Offer::Taken => true,
            Offer::Full => {
                full.push((*number, outlet.clone()));
                true
            }
            Offer::Over => false,
        });
        full
    }

    /// Waits for room in full queues, all at once: after a burst a healthy reader makes some in no time.
    async fn wait_for(&self, full: Vec<(u64, Outlet)>, piece: &Piece) {
        let deliveries = full
            .into_iter()
            .map(|(number, outlet)| async move { (!outlet.deliver(piece, GRACE).await).then_some(number) });
        for number in join_all(deliveries).await.into_iter().flatten() {
            self.members().outlets.remove(&number);
        }
    }

    /// Tells all that nothing more comes. Nobody can join any more.
    async fn finish(&self) {
        let outlets = {
            let mut members = self.members();
            members.is_over = true;
            std::mem::take(&mut members.outlets)
        };
        join_all(outlets.values().map(|outlet| outlet.deliver(&Piece::Complete, GRACE))).await;
    }
}

impl Membership {
    /// Tells when the execution's source is open.
    pub fn opened(&self) -> &Opened {
        &self.group.opened
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut groups = self.shared.lock();
        let mut members = self.group.members();
        members.outlets.remove(&self.number);
        if members.outlets.is_empty() {
            members.is_over = true;
            forget(&mut groups, &self.group);
            self.group.abandoned.cancel();
        }
    }
}

async fn pump(shared: Shared, group: Arc<Group>, mut pieces: BoxStream<'static, Piece>) {
    let abandoned = group.abandoned.clone();
    while let Some(Some(piece)) = abandoned.run_until_cancelled(pieces.next()).await {
        let full = group.hand_out(&piece);
        if !full.is_empty() {
            group.wait_for(full, &piece).await;
        }
    }
    group.opened.mark();
    forget(&mut shared.lock(), &group);
    group.finish().await;
}

/// Feeds one subscriber that shares with nobody. It waits for a slow reader, within reason: what is behind stays in
/// the log.
pub async fn feed_alone(mut pieces: BoxStream<'static, Piece>, outlet: Outlet) {
    while let Some(piece) = pieces.next().await {
        if !outlet.deliver(&piece, PATIENCE).await {
            return;
        }
    }
    outlet.deliver(&Piece::Complete, PATIENCE).await;
}

//! Live answers on their way to subscribers. Subscribers of equal class, document and variables share one execution,
//! whose every event is executed and serialised once; each has a bounded queue, and whoever does not empty it is told
//! to go. Knows no transport but the framing of its messages.

mod outlet;
#[cfg(test)]
mod tests;

pub use outlet::{Frame, Framing, Outlet, Piece};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{StreamExt, stream::BoxStream};
use outlet::Framed;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::graphql::live::Opened;

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

    /// Hands one piece to all; those that are full, gone or done leave.
    fn hand_out(&self, piece: &Piece) {
        let mut framed = Framed::new(piece);
        self.members().outlets.retain(|_, outlet| outlet.offer_framed(&mut framed));
    }

    fn finish(&self) {
        let mut members = self.members();
        members.is_over = true;
        let outlets = std::mem::take(&mut members.outlets);
        drop(members);
        let mut framed = Framed::new(&Piece::Complete);
        for outlet in outlets.into_values() {
            outlet.offer_framed(&mut framed);
        }
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
        group.hand_out(&piece);
    }
    group.opened.mark();
    forget(&mut shared.lock(), &group);
    group.finish();
}

/// Feeds one subscriber that shares with nobody. It waits for a slow reader, within reason: what is behind stays in
/// the log.
pub async fn feed_alone(mut pieces: BoxStream<'static, Piece>, outlet: Outlet) {
    while let Some(piece) = pieces.next().await {
        if !outlet.deliver(&piece).await {
            return;
        }
    }
    outlet.deliver(&Piece::Complete).await;
}

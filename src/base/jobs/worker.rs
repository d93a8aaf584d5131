//! The worker: claims jobs while it has slots, and starts them. What one run is stands in `run`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Handler, Lease,
    claim::claim,
    lanes::Looks,
    run::run_one,
    slots::{Room, Slot, Slots},
};
use crate::base::{ctx::Hub, panics, purpose::Purpose};

/// The longest time after which a job that nobody announced is found.
const POLL: Duration = Duration::from_secs(1);
/// While there is more to do than slots, freed slots are gathered this long, so that one statement claims for several.
const GATHERING: Duration = Duration::from_millis(5);
/// A run that lasts longer goes on without its slot.
const LONG: Duration = Duration::from_secs(1);

/// Claims and runs jobs until it is stopped; then lets running ones finish.
#[derive(Debug)]
pub struct Worker {
    hub: Arc<Hub>,
    handlers: Arc<Handlers>,
    stop: CancellationToken,
}

/// All kinds of work, by name.
#[derive(Default)]
pub struct Handlers(HashMap<&'static str, Box<dyn Handler>>);

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Handlers {
    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, handler: impl Handler + 'static) -> Self {
        self.0.insert(handler.kind(), Box::new(handler));
        self
    }

    pub(super) fn of(&self, kind: &str) -> Option<&dyn Handler> {
        self.0.get(kind).map(AsRef::as_ref)
    }
}

impl Worker {
    /// A worker of this process.
    pub fn new(hub: Arc<Hub>, handlers: Handlers, stop: CancellationToken) -> Self {
        Self { hub, handlers: Arc::new(handlers), stop }
    }

    /// Runs until stopped, on connections of its own: a backlog leaves the API's alone.
    pub async fn run(self) {
        Purpose::Work.run(self.work()).await;
    }

    async fn work(self) {
        panics::watch();
        let slots = Slots::new(self.hub.config.delivery.workers);
        let mut running = JoinSet::new();
        let mut lanes = Looks::new();
        while !self.stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let Some(room) = slots.room() else {
                self.gather(&mut running, &slots).await;
                continue;
            };
            let quiet = lanes.look(&self.hub).await;
            let claimed = self.claim(&room).await;
            let more = claimed.len() == room.limit;
            for lease in claimed {
                let slot = slots.take(&lease.job);
                let (hub, handlers) = (self.hub.clone(), self.handlers.clone());
                running.spawn(Purpose::Work.run(in_slot(slot, async move {
                    run_one(&hub, &handlers, lease).await;
                })));
            }
            if more {
                continue;
            }
            if room.full.is_empty() {
                self.wait(quiet).await;
            } else {
                // What is left belongs to those who hold their share, until one of their jobs ends.
                tokio::select! {
                    () = self.gather(&mut running, &slots) => {}
                    () = self.wait_a_little(quiet) => {}
                }
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Until somebody announces work, the clock is moved, a line moves, or the poll is due.
    async fn wait(&self, quiet: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.hub.worker.notified() => {}
            () = self.hub.clock.moved() => {}
            () = tokio::time::sleep(POLL.min(quiet)) => {}
        }
    }

    /// The same, but several announcements make one claim.
    async fn wait_a_little(&self, quiet: Duration) {
        self.wait(quiet).await;
        self.stop.run_until_cancelled(tokio::time::sleep(GATHERING)).await;
    }

    /// Until a slot is free, and then until a quarter of the slots was freed or the time for gathering is over.
    async fn gather(&self, running: &mut JoinSet<()>, slots: &Slots) {
        let enough = self.hub.config.delivery.workers.div_ceil(4);
        let mut freed = async || {
            tokio::select! {
                _ = running.join_next() => {}
                () = slots.released() => {}
            }
        };
        let gathered = async {
            freed().await;
            let more = async {
                for _ in 1..enough {
                    freed().await;
                }
            };
            let _in_time = tokio::time::timeout(GATHERING, more).await;
        };
        self.stop.run_until_cancelled(gathered).await;
    }

    async fn claim(&self, room: &Room) -> Vec<Lease> {
        match claim(&self.hub, room).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(%error, "jobs cannot be claimed; trying again");
                tokio::time::sleep(Duration::from_millis(200)).await;
                Vec::new()
            }
        }
    }
}

/// Runs a job in its slot, and on without one when it takes long.
async fn in_slot(mut slot: Slot, run: impl Future<Output = ()>) {
    let mut run = std::pin::pin!(run);
    if tokio::time::timeout(LONG, &mut run).await.is_err() {
        slot.release();
        run.await;
    }
}

//! Carries committed events, and the news that somebody's token ended, to the other processes. An accelerator: what it
//! loses, subscribers read from the log and the watch over open sockets finds by itself.

mod redis_bus;

use entity::ids::OrganizationId;
pub use redis_bus::RedisBus;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::events::Event;

/// Signals that wait for this process's feeds at most.
const SIGNALS: usize = 4096;

/// What the bus tells the feeds.
#[derive(Debug)]
pub enum Signal {
    /// Events that another process (or this one) committed.
    Events(Vec<Event>),
    /// Publications may have been lost: read the log.
    Resync,
    /// Another process ended somebody's sessions or keys.
    Revocation,
}

/// Where a bus reports: a bounded queue. What does not fit is not kept but becomes one order to read the log.
#[derive(Clone, Debug)]
pub struct Signals {
    queue: mpsc::Sender<Signal>,
    resync: Arc<Notify>,
}

/// The other end of [`Signals`].
#[derive(Debug)]
pub struct SignalQueue {
    queue: mpsc::Receiver<Signal>,
    resync: Arc<Notify>,
}

/// A queue of signals and its two ends.
pub fn signals() -> (Signals, SignalQueue) {
    let (sender, receiver) = mpsc::channel(SIGNALS);
    let resync = Arc::new(Notify::new());
    (Signals { queue: sender, resync: resync.clone() }, SignalQueue { queue: receiver, resync })
}

impl Signals {
    /// Never waits and loses nothing that the log does not hold.
    pub(super) fn tell(&self, signal: Signal) {
        if self.queue.try_send(signal).is_err() {
            self.resync.notify_one();
        }
    }
}

impl SignalQueue {
    /// The next signal; `None` once nobody can send any more.
    pub(super) async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            signal = self.queue.recv() => signal,
            () = self.resync.notified() => Some(Signal::Resync),
        }
    }
}

/// How events travel between processes.
#[derive(Clone, Debug)]
pub enum Bus {
    /// One process: its own feeds are told directly, nothing else is needed.
    Memory,
    /// Redis pub/sub, one channel an organisation and one for all processes.
    Redis(RedisBus),
}

impl Bus {
    /// Hands events to the other processes; never waits and never fails.
    pub fn publish(&self, events: &[Event]) {
        if let Self::Redis(bus) = self {
            bus.announce(events);
        }
    }

    /// Tells the other processes that somebody's sessions or keys ended; never waits and never fails.
    pub fn announce_revocation(&self) {
        if let Self::Redis(bus) = self {
            bus.announce_revocation();
        }
    }

    /// Somebody here listens to this organisation from now on.
    pub fn listen(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            bus.listen(organization);
        }
    }

    /// Nobody here listens to this organisation any more.
    pub fn leave(&self, organization: OrganizationId) {
        if let Self::Redis(bus) = self {
            bus.leave(organization);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_becomes_one_order_to_read_the_log() {
        let (signals, mut queue) = signals();
        for _ in 0..SIGNALS + 1_000 {
            signals.tell(Signal::Events(Vec::new()));
        }
        drop(signals);
        let (mut events, mut resyncs) = (0, 0);
        while let Some(signal) = queue.next().await {
            match signal {
                Signal::Events(_) => events += 1,
                Signal::Resync => resyncs += 1,
                Signal::Revocation => panic!("nobody said so"),
            }
        }
        assert_eq!(events, SIGNALS);
        assert_eq!(resyncs, 1);
    }
}

//! Ends sockets and streams whose token expired, was revoked, or means something else by now. One task asks the
//! database about all principals of this process at once: at once when a revocation is announced, by itself every two
//! seconds, on a connection that nothing else uses. Whom the database does not confirm in time is not believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::base::caller::Caller;
use crate::base::ctx::Hub;
use crate::base::error::{Error, Result};
use crate::base::purpose::Purpose;
use crate::base::standing::{self, Standings};

/// Between the end of a pass that was answered and the next one.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest that a pass may take.
const PASS: Duration = Duration::from_secs(1);
/// Between a pass that was not answered and the next one.
const AGAIN: Duration = Duration::from_millis(100);
/// Between two passes however many revocations are announced.
const APART: Duration = Duration::from_millis(100);
/// How long a principal is believed since the beginning of the last pass that confirmed it: `PASS + PAUSE + PASS`. So
/// every socket ends within the promised 5 s of its token, whether the database answers or hangs.
const TRUST: Duration = Duration::from_secs(4);

/// The principals with something open in this process.
#[derive(Clone, Debug, Default)]
pub struct Principals(Arc<Mutex<HashMap<String, Weak<Standing>>>>);

/// Why nothing more is done under a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It expired, was revoked, or means something else by now.
    Over,
    /// The database does not say whether it still counts.
    Unconfirmed,
}

/// One principal's token as it was when something was opened with it. Hold it as long as that is open.
#[derive(Debug)]
pub struct Standing {
    caller: Caller,
    confirmed: Mutex<Instant>,
    ending: OnceLock<Ending>,
    ended: CancellationToken,
}

impl Standing {
    /// Resolves when nothing more is to be done under the token.
    pub async fn ended(&self) -> Ending {
        self.ended.cancelled().await;
        self.ending.get().copied().unwrap_or(Ending::Over)
    }

    fn new(caller: Caller) -> Self {
        Self {
            caller,
            confirmed: Mutex::new(Instant::now()),
            ending: OnceLock::new(),
            ended: CancellationToken::new(),
        }
    }

    fn end(&self, why: Ending) {
        let _first_counts = self.ending.set(why);
        self.ended.cancel();
    }

    fn confirmed(&self) -> MutexGuard<'_, Instant> {
        self.confirmed.lock().expect("no panic happens under this lock")
    }
}

impl Principals {
    /// Starts the passes; they end with the process.
    pub fn watch(hub: Arc<Hub>, stopping: CancellationToken) -> Self {
        let principals = Self::default();
        let watching = Purpose::Watch.run(principals.clone().keep_watch(hub));
        tokio::spawn(stopping.run_until_cancelled_owned(watching));
        principals
    }

    /// Registers a caller that was just admitted; equal callers with equal expiry share one standing.
    pub fn enter(&self, caller: &Caller) -> Arc<Standing> {
        let key = format!("{caller:?}");
        let mut known = self.lock();
        if let Some(standing) = known.get(&key).and_then(Weak::upgrade) {
            return standing;
        }
        let standing = Arc::new(Standing::new(caller.clone()));
        known.insert(key, Arc::downgrade(&standing));
        standing
    }

    async fn keep_watch(self, hub: Arc<Hub>) {
        let mut pause = PAUSE;
        let mut connecting = connect(&hub);
        loop {
            let announced = async {
                sleep(APART).await;
                hub.feeds.revocation().await;
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = announced => {}
                () = hub.clock.moved() => {}
            }
            pause = match self.pass(&hub).await {
                Ok(()) => PAUSE,
                Err(error) => {
                    if pause == PAUSE {
                        tracing::warn!(%error, "the database does not say whose tokens still count; asking again");
                    }
                    if connecting.is_finished() {
                        connecting = connect(&hub);
                    }
                    AGAIN
                }
            };
        }
    }

    /// Asks about all once. Not answered, it ends those who were not confirmed for too long.
    async fn pass(&self, hub: &Hub) -> Result<()> {
        let begun = Instant::now();
        let standings = self.standings();
        let answer =
            timeout_at(begun + PASS, Standings::of(hub, standings.iter().map(|known| &known.caller)));
        let answer = answer.await.unwrap_or_else(|_| Err(Error::unavailable("no answer in time")));
        for known in &standings {
            let ending = match &answer {
                Ok(answer) if answer.stands(hub, &known.caller) => {
                    *known.confirmed() = begun;
                    None
                }
                Ok(_) => Some(Ending::Over),
                Err(_) if standing::is_over(hub, &known.caller) => Some(Ending::Over),
                Err(_) => (known.confirmed().elapsed() >= TRUST).then_some(Ending::Unconfirmed),
            };
            if let Some(ending) = ending {
                known.end(ending);
                self.lock().remove(&format!("{:?}", known.caller));
            }
        }
        answer.map(drop)
    }

    fn standings(&self) -> Vec<Arc<Standing>> {
        let mut known = self.lock();
        known.retain(|_, standing| standing.strong_count() > 0);
        known.values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Standing>>> {
        self.0.lock().expect("no panic happens under this lock")
    }
}

/// Opens the watch's connection where there is none. A pass that ends early would take a connection that is being made
/// with it, and on a machine where that takes longer than a pass there would never be one.
fn connect(hub: &Arc<Hub>) -> AbortOnDropHandle<()> {
    let hub = hub.clone();
    let connected = async move {
        // What fails is told by the passes.
        let _ = hub.db.read().ping().await;
    };
    AbortOnDropHandle::new(tokio::spawn(Purpose::Watch.run(connected)))
}

#[cfg(test)]
mod tests;

//! Ends sockets and streams whose token expired, was revoked, or means something else by now. One task asks the
//! database, once a round and principal, however many sockets it has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::auth;
use crate::base::caller::Caller;
use crate::base::ctx::Hub;
use crate::base::error::ErrorCode;

/// Time between two rounds. With a round's own time it stays under the 5 s that are promised.
const ROUND: Duration = Duration::from_secs(3);

/// The principals with something open in this process.
#[derive(Clone, Debug, Default)]
pub struct Principals(Arc<Mutex<HashMap<String, Weak<Standing>>>>);

/// One principal's token as it was when something was opened with it. Hold it as long as that is open.
#[derive(Debug)]
pub struct Standing {
    caller: Caller,
    ended: CancellationToken,
}

impl Standing {
    /// Resolves when the token no longer stands for this caller.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Principals {
    /// Starts the rounds; they end with the process.
    pub fn watch(hub: Arc<Hub>, stopping: CancellationToken) -> Self {
        let principals = Self::default();
        let watched = principals.clone();
        tokio::spawn(stopping.run_until_cancelled_owned(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(ROUND) => {}
                    () = hub.clock.moved() => {}
                }
                watched.round(&hub).await;
            }
        }));
        principals
    }

    /// Registers a caller; equal callers with equal expiry share one standing.
    pub fn enter(&self, caller: &Caller) -> Arc<Standing> {
        let key = format!("{caller:?}");
        let mut known = self.lock();
        if let Some(standing) = known.get(&key).and_then(Weak::upgrade) {
            return standing;
        }
        let standing = Arc::new(Standing { caller: caller.clone(), ended: CancellationToken::new() });
        known.insert(key, Arc::downgrade(&standing));
        standing
    }

    async fn round(&self, hub: &Arc<Hub>) {
        let standings: Vec<_> = {
            let mut known = self.lock();
            known.retain(|_, standing| standing.strong_count() > 0);
            known.values().filter_map(Weak::upgrade).collect()
        };
        for standing in standings {
            if !still_stands(hub, &standing.caller).await {
                standing.ended.cancel();
                self.lock().remove(&format!("{:?}", standing.caller));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Standing>>> {
        self.0.lock().expect("no panic happens under this lock")
    }
}

/// A database that cannot answer ends nothing: the next round asks again. Expiry needs no database.
async fn still_stands(hub: &Arc<Hub>, caller: &Caller) -> bool {
    match auth::recheck(hub, caller).await {
        Ok(now) => now.class() == caller.class(),
        Err(error) => error.code != ErrorCode::Unauthenticated,
    }
}

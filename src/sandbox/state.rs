//! The one thing that all handlers share: accounts, messages, faults and counts, each behind its own short
//! lock, and the tasks that run. Locks are taken in this order and never held over an await: accounts, store,
//! faults, stats.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::broadcast, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    accounts::Accounts,
    faults::Faults,
    journal::Place,
    settings::{Settings, Timing},
    sid,
    stats::Stats,
    store::Store,
    webhook,
};

/// Bytes that a journal may grow to before it is rewritten.
const JOURNAL_SLACK: u64 = 64 << 20;
/// Scheduled messages that may be canceled in one burst before a waiting one misses it (it then finds out at
/// its time).
const CANCELLATION_BURST: usize = 1024;

/// The emulated carrier.
pub(super) struct Sandbox {
    pub(super) base_url: String,
    pub(super) timing: Timing,
    pub(super) open_control: bool,
    pub(super) webhooks: webhook::Caller,
    /// SIDs of scheduled messages that were canceled.
    pub(super) cancellations: broadcast::Sender<String>,
    pub(super) tracker: TaskTracker,
    accounts: Mutex<Accounts>,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    stats: Mutex<Stats>,
    /// Ends all tasks of the present life; a reset begins another.
    life: Mutex<CancellationToken>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sandbox {
    /// A sandbox with the accounts of `settings` and whatever its journal remembers. Fails when the journal
    /// cannot be read or written.
    pub(super) fn open(settings: Settings, base_url: String) -> io::Result<Self> {
        let mut accounts = Accounts::default();
        settings.accounts.into_iter().for_each(|account| accounts.put(account));
        let mut store = Store::new(settings.capacity);
        if let Some(path) = &settings.journal {
            store.remember(Place { path: path.clone(), slack: JOURNAL_SLACK })?;
        }
        for number in store.numbers() {
            let account = accounts.get_mut(&number.account);
            let owned =
                account.and_then(|account| account.numbers.iter_mut().find(|owned| owned.sid == number.sid));
            if let Some(owned) = owned {
                owned.clone_from(number);
            }
        }
        let tracker = TaskTracker::new();
        // Closed from the start, so that waiting for an empty tracker resolves; it takes new tasks anyway.
        tracker.close();
        Ok(Self {
            base_url,
            timing: settings.timing,
            open_control: settings.open_control,
            webhooks: webhook::Caller::new(settings.timing.webhook_retry),
            cancellations: broadcast::channel(CANCELLATION_BURST).0,
            tracker,
            accounts: Mutex::new(accounts),
            store: Mutex::new(store),
            faults: Mutex::default(),
            stats: Mutex::default(),
            life: Mutex::default(),
        })
    }

    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        locked(&self.accounts)
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(super) fn stats(&self) -> MutexGuard<'_, Stats> {
        locked(&self.stats)
    }

    /// Runs a task until it is done, or the sandbox is reset or stopped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let life = locked(&self.life).clone();
        self.tracker.spawn(async move {
            // A cancelled task leaves nothing behind that anybody waits for.
            let _ = life.run_until_cancelled_owned(task).await;
        })
    }

    /// Ends all tasks; those spawned from now on run again.
    pub(super) fn end_tasks(&self) {
        std::mem::take(&mut *locked(&self.life)).cancel();
    }

    /// The key that webhooks of this account are signed with.
    pub(super) fn auth_token(&self, account: &str) -> Option<String> {
        self.accounts().get(account).map(|account| account.auth_token.clone())
    }

    /// A sender of the service, always the same one for the same recipient.
    pub(super) fn choose_sender(&self, account: &str, service: &str, to: &str) -> Option<String> {
        let accounts = self.accounts();
        let numbers = &accounts.get(account)?.service(service)?.numbers;
        let hash = u64::from_str_radix(&sid::stable("", to)[..15], 16).unwrap_or_default();
        let place =
            usize::try_from(hash % u64::try_from(numbers.len().max(1)).unwrap_or(1)).unwrap_or_default();
        numbers.get(place).cloned()
    }
}

//! For unit tests: a hub over a SQLite file of its own. Flows over HTTP are tested from `tests/`.

use std::{
    cell::RefCell,
    fmt,
    path::PathBuf,
    sync::{Arc, Once},
};

use tracing::{Event, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use super::{clock::Clock, ctx::Hub, db::STATEMENTS};
use crate::config::Config;

/// A hub on an empty, migrated database in a folder that vanishes with the guard.
pub async fn hub() -> (Arc<Hub>, Folder) {
    hub_with(&[]).await
}

/// The same with settings beside the usual ones.
pub async fn hub_with(settings: &[(&str, &str)]) -> (Arc<Hub>, Folder) {
    let folder = Folder::new();
    let data_dir = folder.0.display().to_string();
    let mut pairs = vec![("PHONEHUB_DATA_DIR", data_dir.as_str()), ("PHONEHUB_SIGN_UP", "open")];
    pairs.extend(settings);
    let config = Config::from_pairs(&pairs).expect("these settings are right");
    (Hub::open(config, Clock::default()).await.expect("an empty folder takes a database"), folder)
}

/// A folder that is removed when dropped.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("phonehub-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The statements that this thread runs, as long as it is kept.
pub struct Statements(());

thread_local! {
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

impl Statements {
    /// Begins to collect.
    pub fn collect() -> Self {
        // One collector listens for all threads and for ever: with one a thread, a statement that another thread runs
        // first is remembered as one that nobody listens to.
        static LISTENING: Once = Once::new();
        LISTENING.call_once(|| {
            let statements = filter_fn(|about| about.target() == STATEMENTS);
            tracing_subscriber::registry().with(Collector.with_filter(statements)).init();
        });
        SEEN.set(Some(Vec::new()));
        Self(())
    }

    /// What was run since the last time.
    pub fn take(&self) -> Vec<String> {
        SEEN.replace(Some(Vec::new())).unwrap_or_default()
    }
}

impl Drop for Statements {
    fn drop(&mut self) {
        SEEN.set(None);
    }
}

struct Collector;

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| event.record(&mut Sql(seen))));
    }
}

struct Sql<'a>(&'a mut Vec<String>);

impl Visit for Sql<'_> {
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "sql" {
            self.0.push(value.to_owned());
        }
    }
}

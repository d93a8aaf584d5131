//! For unit tests: a hub over a SQLite file of its own. Flows over HTTP are tested from `tests/`.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tracing::{Event, Subscriber, field::Visit, subscriber::DefaultGuard};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
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
pub struct Statements {
    seen: Arc<Mutex<Vec<String>>>,
    _collecting: DefaultGuard,
}

impl Statements {
    /// Begins to collect.
    pub fn collect() -> Self {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let collecting = tracing_subscriber::registry().with(Collector(seen.clone()));
        Self { seen, _collecting: tracing::subscriber::set_default(collecting) }
    }

    /// What was run since the last time.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().expect("no panic holds it"))
    }
}

struct Collector(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == STATEMENTS {
            event.record(&mut Sql(&self.0));
        }
    }
}

struct Sql<'a>(&'a Mutex<Vec<String>>);

impl Visit for Sql<'_> {
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "sql" {
            self.0.lock().expect("no panic holds it").push(value.to_owned());
        }
    }
}

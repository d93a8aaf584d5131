//! What a thread asks the database, as the server's own trace tells it.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};

use phonehub::base::db::STATEMENTS;
use tracing::{Event, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

/// What was run on one thread: other tests run on others.
#[derive(Clone)]
pub struct Statements {
    thread: ThreadId,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

struct Sql<'a>(&'a Statements);

impl Statements {
    /// Collects on this thread from now on. One test of a binary may.
    pub fn of_this_thread() -> Self {
        let statements = Self { thread: thread::current().id(), seen: Arc::default() };
        let collecting = tracing_subscriber::registry().with(statements.clone());
        tracing::subscriber::set_global_default(collecting).expect("no other test collects");
        statements
    }

    /// Everything that reads, changes or removes rows.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let verbs = ["SELECT", "UPDATE", "DELETE"];
        seen.iter().filter(|sql| verbs.iter().any(|verb| sql.starts_with(verb))).cloned().collect()
    }
}

impl Visit for Sql<'_> {
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "sql" {
            self.0.seen.lock().unwrap().insert(value.to_owned());
        }
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == STATEMENTS && thread::current().id() == self.thread {
            event.record(&mut Sql(self));
        }
    }
}

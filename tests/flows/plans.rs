//! No query scans a table: the plans of all statements that a busy server ran, as SQLite explains them. PostgreSQL has
//! the same indexes; its planner rightly scans tables as small as a test's.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};

use phonehub::{
    api::schema,
    base::{
        ctx::{Ctx, RequestInfo},
        db::STATEMENTS,
    },
    graphql::loader::Loaders,
};
use sea_orm::ConnectionTrait;
use serde_json::json;
use tracing::{Event, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

use crate::harness::TestApp;

/// Every list and lookup that the API offers.
const QUERIES: [&str; 21] = [
    "{ messages(first: 5) { nodes { id body media { url } timeline { kind } attempts { ordinal } conversation { id } \
       contact { id } number { id } author { name } } } }",
    "{ messages(first: 5, filter: { status: { in: [DELIVERED] }, direction: { eq: OUTBOUND } }) { nodes { id } } }",
    "{ conversations(first: 5) { nodes { id lastMessage { id } contact { id } number { id } \
       messages(first: 2) { nodes { id } } } } }",
    "{ contacts(first: 5) { nodes { id phoneNumbers } } }",
    "{ contactsByPhoneNumbers(phoneNumbers: [\"+12065550108\"]) { contact { id } } }",
    "{ numbers(first: 5) { nodes { id } } }",
    "{ carrierConfigs { id } }",
    "{ optOuts(first: 5) { nodes { id } } }",
    "{ keywords { id } }",
    "{ deadJobs(first: 5) { nodes { id } } }",
    "{ viewer { organization { id } memberships { id } } }",
    "{ organization { id name } }",
    "{ auditEvents(first: 5) { nodes { id user { name } } } }",
    "{ auditEvents(first: 5, filter: { actor: \"key_00000000000000000000000000\", action: \"sendMessage\" }) { nodes { id } } }",
    "{ auditEvents(first: 5, filter: { subject: \"msg_00000000000000000000000000\", since: \"2026-01-01T00:00:00Z\" }) { totalCount } }",
    "{ conversations(first: 5, filter: { contactNumber: \"+12065550108\" }) { nodes { id } } }",
    "{ contacts(first: 5, filter: { phoneNumber: \"+12065550108\" }) { nodes { id } } }",
    "{ contacts(first: 5, filter: { externalId: \"7\" }) { nodes { id } } }",
    "{ messages(last: 5, before: null, filter: { createdAt: { gte: \"2026-01-01T00:00:00Z\" } }) { nodes { id } totalCount } }",
    "{ invitations(first: 5) { nodes { id } } }",
    "{ apiKeys(first: 5) { nodes { id createdBy { name } } } }",
];

/// What was run on one thread: other tests run on others.
#[derive(Clone)]
struct Statements {
    thread: ThreadId,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Statements {
    fn of_this_thread() -> Self {
        Self { thread: thread::current().id(), seen: Arc::default() }
    }
}

struct Sql<'a>(&'a Statements);

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

/// One thread, so that the collector of this test sees all that the server does.
#[tokio::test]
async fn no_statement_scans_a_table() {
    let statements = Statements::of_this_thread();
    let collecting = tracing_subscriber::registry().with(statements.clone());
    tracing::subscriber::set_global_default(collecting).expect("no other test collects");
    let app = TestApp::start().await;
    if app.database.is_postgres() {
        return;
    }
    let id = app.send("+12065550108", "Hello", "plan").await;
    app.stage("idle", None).await;
    let schema = schema::build();
    for query in QUERIES {
        let ctx = caller(&app, query).await;
        let request = async_graphql::Request::new(query).data(ctx).data(Loaders::default());
        let answer = schema.execute(request).await;
        assert!(answer.errors.is_empty(), "{query}: {:?}", answer.errors);
    }
    let cancel = "mutation($id: ID!) { cancelMessage(input: { messageId: $id }) { userErrors { code } } }";
    app.gql().ok(cancel, json!({ "id": id })).await;

    let seen: Vec<String> = statements.seen.lock().unwrap().iter().cloned().collect();
    assert!(seen.len() > 40, "only {} statements were seen", seen.len());
    let tables = tables(&app).await;
    assert!(tables.contains(&"messages".to_owned()), "{tables:?}");
    let mut scans = Vec::new();
    for sql in
        seen.iter().filter(|sql| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)))
    {
        for line in plan(&app, sql).await {
            if is_scan(&line, &tables) {
                scans.push(format!("{line}: {sql}"));
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

/// No scope shows these to a key, so PhoneHub itself asks.
async fn caller(app: &TestApp, query: &str) -> Ctx {
    if ["invitations", "apiKeys"].iter().any(|list| query.contains(list)) {
        return Ctx::system(app.hub().clone(), app.organization.id);
    }
    let request = RequestInfo::default();
    phonehub::base::auth::authenticate(app.hub(), Some(&app.token), request).await.unwrap()
}

/// A whole table is walked: not an index, and not the few rows of a subquery, whose name is no table's.
fn is_scan(line: &str, tables: &[String]) -> bool {
    let scanned = line.strip_prefix("SCAN ").filter(|rest| !rest.contains("USING"));
    scanned.is_some_and(|rest| tables.iter().any(|table| rest.split(' ').next() == Some(table)))
}

async fn tables(app: &TestApp) -> Vec<String> {
    let sql = app.hub().db.sql("SELECT name FROM sqlite_master WHERE type = 'table'", []);
    let rows = app.hub().db.read().query_all_raw(sql).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn plan(app: &TestApp, sql: &str) -> Vec<String> {
    let db = app.hub().db.read();
    let explain = app.hub().db.sql(format!("EXPLAIN QUERY PLAN {sql}"), []);
    let rows = db.query_all_raw(explain).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect()
}

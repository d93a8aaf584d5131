//! A server as users run it, in this process: real listener, real sandbox, settings from pairs.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use entity::{job, organization};
use phonehub::{
    app::App,
    base::{
        caller::Permission,
        clock::Clock,
        ctx::{Ctx, Hub},
        db::Db,
        phone::Region,
    },
    config::Config,
    features::organizations::admin,
    sandbox::{self, Account, Running, Settings, Timing},
};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{database::TestDatabase, graphql::Gql, socket::Subscription};

/// The account that the sandbox and the system config share.
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
/// Its token.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// Its number, from the range that is reserved for fiction.
pub const NUMBER: &str = "+12065550150";
/// How long an event may take before a test gives up waiting for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a test wants otherwise than usual.
#[derive(Default)]
pub struct Options {
    /// Settings beside the usual ones, or instead of them; an empty one takes the usual one away.
    pub settings: Vec<(&'static str, String)>,
    /// How fast the sandbox lives; at once without it.
    pub timing: Option<Timing>,
}

/// One server, or several over the same database, with their sandbox.
pub struct TestApp {
    pub apps: Vec<App>,
    pub sandbox: Running,
    pub clock: Clock,
    pub http: reqwest::Client,
    pub organization: organization::Model,
    /// A key with every scope of the first organisation.
    pub token: String,
    pub database: TestDatabase,
    settings: Vec<(String, String)>,
}

impl TestApp {
    /// One server with the usual settings.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// One server.
    pub async fn start_with(options: Options) -> Self {
        let database = TestDatabase::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sandbox = start_sandbox(address, options.timing).await;
        let settings = settings(&database, address, &sandbox, &options);
        let clock = Clock::default();
        let config = Config::load(settings.clone(), None).unwrap();
        // The organisation exists before the system config is seeded, so that its senders have an owner.
        let hub = Hub::open(config.clone(), clock.clone()).await.unwrap();
        let ctx = Ctx::administrator(hub);
        let organization = admin::create_organization(&ctx, "Acme", Region::US, true).await.unwrap();
        let token = key(&ctx, &organization).await;
        let app = App::start(config, listener, clock.clone()).await.unwrap();
        let http = client();
        Self { apps: vec![app], sandbox, clock, http, organization, token, database, settings }
    }

    /// Another instance over the same database and Redis, with a sandbox config that names the first one's address.
    pub async fn another_instance(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config::load(self.settings.clone(), None).unwrap();
        let app = App::start(config, listener, self.clock.clone()).await.unwrap();
        let address = app.addr;
        self.apps.push(app);
        address
    }

    /// The first server's handles.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.apps[0].hub
    }

    /// The first server's root.
    pub fn url(&self) -> String {
        format!("http://{}", self.apps[0].addr)
    }

    /// A second tenant: its organisation and a key with every scope.
    pub async fn another_organization(&self, name: &str) -> (organization::Model, String) {
        let ctx = Ctx::administrator(self.hub().clone());
        let organization = admin::create_organization(&ctx, name, Region::US, false).await.unwrap();
        let token = key(&ctx, &organization).await;
        (organization, token)
    }

    /// Speaks GraphQL with the first server as the first organisation's key.
    pub fn gql(&self) -> Gql {
        self.gql_as(&self.token)
    }

    /// The same with another token.
    pub fn gql_as(&self, token: &str) -> Gql {
        Gql { http: self.http.clone(), url: format!("{}/graphql", self.url()), token: token.to_owned() }
    }

    /// Speaks with any of the servers as the first organisation's key.
    pub fn gql_at(&self, server: usize) -> Gql {
        Gql { url: format!("http://{}/graphql", self.apps[server].addr), ..self.gql() }
    }

    /// Subscribes over a socket of its own.
    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        Subscription::open(self.apps[0].addr, &self.token, query, variables).await
    }

    /// Sends a text as the first organisation and gives the message's id; panics on any error.
    pub async fn send(&self, to: &str, body: &str, key: &str) -> String {
        self.gql().send(to, body, key).await
    }

    /// Asks the sandbox's stage door.
    pub async fn stage(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.base_url());
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Scripts a fault.
    pub async fn fault(&self, fault: Value) {
        self.stage("faults", Some(fault)).await;
    }

    /// What the system's account took, newest last.
    pub async fn taken(&self) -> Vec<Value> {
        self.listed(&format!("account={ACCOUNT}")).await
    }

    /// What the carrier took for a phone, from whomever, newest last.
    pub async fn copies(&self, to: &str) -> Vec<Value> {
        self.listed(&format!("to={}", to.replace('+', "%2B"))).await
    }

    async fn listed(&self, which: &str) -> Vec<Value> {
        let answer = self.stage(&format!("messages?{which}&direction=outbound-api&limit=10000"), None).await;
        answer["messages"].as_array().unwrap().clone()
    }

    /// How often the carrier was asked to send to a phone, whatever came of it.
    pub async fn requests(&self, to: &str) -> u64 {
        self.stage("stats", None).await["recipients"][to]["requests"].as_u64().unwrap_or(0)
    }

    /// A phone texts one of our numbers.
    pub async fn say(&self, from: &str, to: &str, body: &str, media: Value) -> Value {
        let text = json!({ "from": from, "to": to, "body": body, "media": media });
        self.stage("say", Some(text)).await
    }

    /// A metric of this process, over all its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let page =
            self.http.get(format!("{}/metrics", self.url())).send().await.unwrap().text().await.unwrap();
        let lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let ours = lines.filter(|(series, _)| series.split('{').next() == Some(name));
        ours.filter_map(|(_, value)| value.parse::<f64>().ok()).sum()
    }

    /// What `/readyz` says.
    pub async fn readiness(&self) -> Value {
        self.http.get(format!("{}/readyz", self.url())).send().await.unwrap().json().await.unwrap()
    }

    /// Waits until the carrier has nothing under way.
    pub async fn quiet(&self) {
        self.stage("idle?timeout_ms=15000", None).await;
    }
}

/// Accepts a message.
pub const SEND: &str = "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { \
     message { id status } userErrors { code message field } } }";

impl Drop for TestApp {
    /// Work that is due and was not done, or died, fails the test: nothing is left over.
    fn drop(&mut self) {
        let hub = self.hub().clone();
        let left = (!std::thread::panicking()).then(|| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(left_over(&hub))
            })
        });
        let left = left.map_or_else(Vec::new, |left| left.join().unwrap());
        for app in &self.apps {
            app.abort();
        }
        assert!(left.is_empty(), "jobs were left over: {left:?}");
    }
}

/// Workers get the time that they may take; what is then still to be done will never be.
async fn left_over(hub: &Hub) -> Vec<String> {
    let database = Db::connect(&hub.config.database, &hub.config.pool).await.unwrap();
    let begun = Instant::now();
    loop {
        let left = due(hub, &database).await;
        if left.is_empty() || begun.elapsed() > PATIENCE {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn due(hub: &Hub, database: &Db) -> Vec<String> {
    let due = job::Column::RunAt.lte(hub.clock.now()).or(job::Column::DeadAt.is_not_null());
    let jobs = job::Entity::find().filter(due).all(database.read()).await.unwrap();
    jobs.into_iter().map(|job| format!("{} {} {:?}", job.kind, job.subject, job.last_error)).collect()
}

pub(super) fn client() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "tests speak to the server from outside")]
    reqwest::Client::new()
}

pub(super) async fn start_sandbox(server: SocketAddr, timing: Option<Timing>) -> Running {
    let inbound = format!("http://{server}/api/webhooks/sms/incoming");
    let settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        accounts: vec![Account::new(ACCOUNT, TOKEN).with_number(NUMBER, Some(&inbound))],
        timing: timing.unwrap_or(Timing::instant()),
        ..Settings::default()
    };
    sandbox::start(settings).await.unwrap()
}

pub(super) fn settings(
    database: &TestDatabase,
    address: SocketAddr,
    sandbox: &Running,
    options: &Options,
) -> Vec<(String, String)> {
    let key = |id: u8| format!("test:{}", STANDARD.encode([id; 32]));
    let mut settings = vec![
        ("DATABASE_URL", database.url.clone()),
        ("PHONEHUB_DATA_DIR", database.folder.display().to_string()),
        ("PUBLIC_URL", format!("http://{address}")),
        ("PHONEHUB_MASTER_KEY", key(1)),
        ("PHONEHUB_TOKEN_KEY", key(2)),
        ("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "true".to_owned()),
        ("PHONEHUB_SIGN_UP", "open".to_owned()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
        ("TWILIO_AUTH_TOKEN", TOKEN.to_owned()),
        ("TWILIO_PHONE_NUMBER", NUMBER.to_owned()),
        ("TWILIO_BASE_URL", sandbox.base_url().to_owned()),
    ];
    if let Ok(redis) = std::env::var("PHONEHUB_TEST_REDIS_URL") {
        settings.push(("REDIS_URL", redis));
    }
    settings.retain(|(name, _)| !options.settings.iter().any(|(other, _)| other == name));
    settings.extend(options.settings.iter().cloned());
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) async fn key(ctx: &Ctx, organization: &organization::Model) -> String {
    let scopes = Permission::SCOPES.to_vec();
    let (_, secret) = admin::create_key(ctx, organization.id, "test", scopes, None).await.unwrap();
    secret.expose_secret().to_owned()
}

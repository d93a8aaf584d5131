//! What every measure starts from: a fresh database, organisations with keys, the carrier, and the server over them.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use phonehub::{
    base::{
        caller::Permission,
        clock::Clock,
        ctx::{Ctx, Hub},
        phone::Region,
    },
    config::{Config, Problems},
    features::organizations::admin,
};
use sea_orm::{ConnectionTrait, Database};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::{
    Outcome,
    carrier::{ACCOUNT, Carrier, TOKEN},
    server::{self, Server},
    stopwatch::float,
};

/// The system config's sender, from the range that is reserved for fiction.
pub const NUMBER: &str = "+12065550150";
/// Texts of messages begin like this, a number follows.
const BODY: &str = "n";

/// The backends that the environment names, for the table's head.
pub fn backend() -> String {
    match (postgres(), redis()) {
        (None, _) => "SQLite, everything in one process".to_owned(),
        (Some(_), None) => "PostgreSQL, one process without Redis".to_owned(),
        (Some(_), Some(_)) => "PostgreSQL and Redis".to_owned(),
    }
}

/// The PostgreSQL server that the environment names.
pub fn postgres() -> Option<String> {
    std::env::var("PHONEHUB_TEST_DATABASE_URL").ok()
}

fn redis() -> Option<String> {
    std::env::var("PHONEHUB_TEST_REDIS_URL").ok()
}

/// A database of its own, removed when dropped.
pub struct Store {
    folder: PathBuf,
    /// As `DATABASE_URL`.
    pub url: String,
    server: Option<String>,
}

impl Store {
    /// An empty one.
    pub async fn new() -> Outcome<Self> {
        let name = format!("phonehub_bench_{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder)?;
        let Some(server) = postgres() else {
            let url = format!("sqlite:{}", folder.join("bench.sqlite").display());
            return Ok(Self { folder, url, server: None });
        };
        run(&server, &format!("CREATE DATABASE {name}")).await?;
        let mut url = Url::parse(&server)?;
        url.set_path(&name);
        Ok(Self { folder, url: url.into(), server: Some(server) })
    }

    /// Runs a statement in it.
    pub async fn run(&self, statement: &str) -> Outcome<()> {
        run(&self.url, statement).await
    }

    /// What the server is told: everything that it needs, nothing that it would do without.
    pub fn settings(&self, address: SocketAddr, carrier: SocketAddr) -> Vec<(String, String)> {
        let key = |id: u8| format!("bench:{}", STANDARD.encode([id; 32]));
        let mut settings = vec![
            ("DATABASE_URL", self.url.clone()),
            ("PHONEHUB_LISTEN", address.to_string()),
            ("PUBLIC_URL", format!("http://{address}")),
            ("PHONEHUB_DATA_DIR", self.folder.display().to_string()),
            ("PHONEHUB_MASTER_KEY", key(1)),
            ("PHONEHUB_TOKEN_KEY", key(2)),
            ("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "true".to_owned()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
            ("TWILIO_AUTH_TOKEN", TOKEN.to_owned()),
            ("TWILIO_PHONE_NUMBER", NUMBER.to_owned()),
            ("TWILIO_BASE_URL", format!("http://{carrier}")),
        ];
        settings.extend(redis().map(|url| ("REDIS_URL", url)));
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        let Some(server) = self.server.take() else { return };
        let name = self.url.rsplit('/').next().unwrap_or_default().to_owned();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")))
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("a database of the measurement was left behind");
        }
    }
}

async fn run(url: &str, statement: &str) -> Outcome<()> {
    let database = Database::connect(url).await?;
    database.execute_unprepared(statement).await?;
    Ok(database.close().await?)
}

/// Everything that runs during a measure.
pub struct World {
    /// The server under load; dropped before its database.
    pub server: Server,
    /// What it hands messages to.
    pub carrier: Carrier,
    /// One key a organisation, with every scope.
    pub keys: Vec<String>,
    next: AtomicUsize,
    _store: Store,
}

impl World {
    /// A server over that many organisations.
    pub async fn start(organizations: usize) -> Outcome<Self> {
        let store = Store::new().await?;
        let (carrier, carrier_address) = Carrier::start().await?;
        let address = server::free_address()?;
        let settings = store.settings(address, carrier_address);
        let keys = keys(settings.clone(), organizations).await?;
        let server = Server::start(address, &settings).await?;
        Ok(Self { server, carrier, keys, next: AtomicUsize::new(0), _store: store })
    }

    /// The next key in turn, and a number that no message has had yet.
    pub fn turn(&self) -> (&str, usize) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (&self.keys[number % self.keys.len()], number)
    }
}

/// Makes organisations, the operator's first, and a key for each.
async fn keys(settings: Vec<(String, String)>, organizations: usize) -> Outcome<Vec<String>> {
    let ctx = Ctx::administrator(
        Hub::open(Config::load(settings, None).map_err(Problems)?, Clock::default()).await?,
    );
    let mut keys = Vec::with_capacity(organizations);
    for number in 0..organizations {
        let name = format!("Bench {number}");
        let row = admin::create_organization(&ctx, &name, Region::US, number == 0).await?;
        let (_, secret) = admin::create_key(&ctx, row.id, "bench", Permission::SCOPES.to_vec(), None).await?;
        keys.push(secret.expose_secret().to_owned());
    }
    ctx.hub.db.clone().close().await;
    Ok(keys)
}

/// When a message shall be handed over.
#[derive(Clone, Copy)]
pub enum When {
    /// At once.
    Now,
    /// This many seconds from now.
    In(u32),
}

/// The body of a `sendMessage` call: every number makes another message, to one of 100,000 phones.
pub fn send(number: usize, when: When) -> String {
    let at = match when {
        When::Now => Value::Null,
        When::In(seconds) => json!(in_seconds(seconds)),
    };
    let query = "mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { \
                 message { id status } userErrors { code message } } }";
    let input = json!({
        "to": { "phoneNumber": phone(number) },
        "body": format!("{BODY}{number}"),
        "idempotencyKey": format!("bench-{number}"),
        "scheduledAt": at,
    });
    json!({ "query": query, "variables": { "input": input } }).to_string()
}

/// The phone that a numbered message goes to.
pub fn phone(number: usize) -> String {
    format!("+1206{:07}", 5_600_000 + number % 100_000)
}

/// Fails unless the message was accepted.
pub fn accepted(answer: &str) -> Outcome<()> {
    if answer.contains(r#""userErrors":[]"#) { Ok(()) } else { Err(answer.into()) }
}

fn in_seconds(seconds: u32) -> String {
    let at = Clock::default().now() + chrono::Duration::seconds(seconds.into());
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A count that a figure is made of, a second.
pub fn per_second(count: usize, seconds: f64) -> f64 {
    float(count) / seconds
}

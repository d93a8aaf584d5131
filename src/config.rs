//! Every setting of the server, read once at start from the environment (and a TOML file) into types that are right.
//! No other module reads the environment; this one opens no socket and imports nothing of ours.

mod contradictions;
mod keys;
mod parse;
mod problem;
mod proxies;
mod reader;
mod reference;
mod settings;
mod stores;
#[cfg(test)]
mod tests;

pub use keys::{Key, KeySet, Keys};
pub use problem::{Problem, Problems};
pub use proxies::{ForwardedHeader, Network, NotANetwork, Proxies};
pub use reference::reference;
pub use settings::{Group, SETTINGS, Setting};
pub use stores::{Database, SqliteSynchronous};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use reader::Reader;
use secrecy::SecretString;
use url::Url;

/// What the process was told, checked as a whole: every value is usable and no two contradict each other.
#[derive(Debug, Clone)]
pub struct Config {
    /// True when no `DATABASE_URL` is set: demo data, a printed token, the in-process sandbox and generated keys
    /// exist only then.
    pub demo: bool,
    /// Folder of the files that PhoneHub makes by itself: the demo's database, its keys, the sandbox's journal.
    pub data_dir: PathBuf,
    /// The truth: where everything is stored.
    pub database: Database,
    /// Redis, when there is one: a wake-up call between instances, never the truth. The URL holds the password.
    pub redis: Option<SecretString>,
    /// Address of the API's listener.
    pub listen: SocketAddr,
    /// Address of the sandbox carrier, in process (demo) or alone (`phonehub sandbox`).
    pub sandbox_listen: SocketAddr,
    /// The address under which clients and carriers reach this server; webhook signatures cover it. No trailing slash.
    pub public_url: Url,
    /// Keys that were configured, and the file that stands in for missing ones in a demo.
    pub keys: Keys,
    /// Credentials of the system-wide Twilio config, when seeded from the environment.
    pub twilio: Option<TwilioSeed>,
    /// Whether carriers' base URLs may point at loopback and private addresses (a sandbox); implied in a demo.
    pub allow_private_carrier_urls: bool,
    /// Who may sign up, and how long tokens live.
    pub accounts: Accounts,
    /// The worker: leases, time-outs and the in-doubt rule.
    pub delivery: Delivery,
    /// Sizes and time-outs of the database's pool.
    pub pool: Pool,
    /// Bounds of live subscriptions.
    pub live: Live,
    /// What the door lets in.
    pub door: Door,
    /// How logs are written.
    pub log: Log,
    /// How long things are kept where an organisation wishes nothing else.
    pub retention: Retention,
    /// How long events can be replayed; older cursors are answered with an error, never with a hole.
    pub event_retention: Duration,
    /// How long a graceful stop waits for calls in flight; an instance is gone within this plus a second.
    pub shutdown_grace: Duration,
}

/// The system-wide Twilio account of `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN` and `TWILIO_PHONE_NUMBER`.
#[derive(Debug, Clone)]
pub struct TwilioSeed {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Signs requests to Twilio and webhooks from it.
    pub auth_token: SecretString,
    /// The default sender, in E.164.
    pub phone_number: String,
    /// Where the API is; `None` means Twilio's own address.
    pub base_url: Option<Url>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Anybody may sign up and gets an organisation.
    Open,
    /// Only invited people and those made by `phonehub admin`.
    InviteOnly,
}

/// Sign-up and the lives of tokens.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Open in a demo, invite only elsewhere, unless set.
    pub sign_up: SignUp,
    /// Life of an access token: what a stolen one is worth.
    pub access_token_ttl: Duration,
    /// Life of a refresh token since its last use.
    pub refresh_token_ttl: Duration,
}

/// How jobs are worked on and messages handed over.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Jobs that one process works on at the same time.
    pub workers: usize,
    /// How long a claimed job belongs to its worker; always longer than `carrier_timeout`.
    pub job_lease: Duration,
    /// Longest wait for one answer of a carrier.
    pub carrier_timeout: Duration,
    /// How long evidence of an in-doubt attempt is looked for before the organisation's policy decides.
    pub in_doubt_window: Duration,
    /// Age at which a message without a final status is asked for at the carrier.
    pub poll_after: Duration,
    /// Tries of a job before it is dead and waits for `redriveJob`.
    pub job_attempts: u32,
}

/// How long things are kept by default. `None`: for ever.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Messages and all that is known of them.
    pub messages: Option<Duration>,
    /// Files of messages.
    pub media: Option<Duration>,
    /// Audit entries.
    pub audit: Duration,
}

/// The database's pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Most connections of this process.
    pub connections: u32,
    /// Longest wait for a free connection before the answer is UNAVAILABLE.
    pub acquire_timeout: Duration,
    /// What a commit on SQLite survives: with `full` also a power cut.
    pub sqlite_synchronous: SqliteSynchronous,
}

/// Bounds of live subscriptions.
#[derive(Debug, Clone)]
pub struct Live {
    /// Events that wait for one subscriber before it is closed as too slow.
    pub subscriber_queue: usize,
    /// Open sockets and streams of one organisation on one instance.
    pub sockets_per_organization: usize,
    /// Open sockets of one instance that have no token, or not yet.
    pub strangers: usize,
    /// The same from one address.
    pub strangers_per_address: usize,
}

/// What the door lets in.
#[derive(Debug, Clone)]
pub struct Door {
    /// Origins of browsers that may call the HTTP API; empty: same origin only.
    pub cors_origins: Vec<String>,
    /// Origins of browsers that may open sockets; empty: same origin only.
    pub websocket_origins: Vec<String>,
    /// Proxies in front that are believed about where a request came from.
    pub proxies: Proxies,
    /// Largest webhook that is read, in bytes; larger ones are refused before their signature is looked at.
    pub webhook_body_limit: usize,
    /// Bearer token that `/metrics` asks for; without one it answers only on a loopback listener.
    pub metrics_token: Option<SecretString>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

/// How logs are written.
#[derive(Debug, Clone)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// A `tracing` filter: a level, or `target=level` pairs.
    pub filter: String,
}

impl Config {
    /// Reads and checks every setting; pure, so that tests and `phonehub` itself go the same way.
    ///
    /// `vars` is the environment, `file` the text of the file named by `PHONEHUB_CONFIG`; the environment wins. All
    /// problems are reported together, each with what to do about it.
    pub fn load(
        vars: impl IntoIterator<Item = (String, String)>,
        file: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(vars, file);
        let config = Self::read(&mut reader);
        contradictions::check(&config, &mut reader);
        reader.finish(config)
    }

    /// The same from name and value pairs written in place: `Config::from_pairs(&[("DATABASE_URL", "sqlite:x")])`.
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Result<Self, Vec<Problem>> {
        let vars: BTreeMap<_, _> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Self::load(vars, None)
    }

    /// Whether the API's listener is reachable from this machine alone.
    pub fn listens_on_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    fn read(reader: &mut Reader) -> Self {
        let data_dir = PathBuf::from(reader.value(&settings::DATA_DIR, parse::text));
        let stores = stores::read(reader, &data_dir);
        let listen = reader.value(&settings::LISTEN, parse::socket);
        Self {
            demo: stores.demo,
            database: stores.database,
            redis: stores.redis,
            listen,
            sandbox_listen: reader.value(&settings::SANDBOX_LISTEN, parse::socket),
            public_url: reader.value(&settings::PUBLIC_URL, parse::public_url),
            keys: Keys::read(reader, &data_dir),
            twilio: twilio(reader),
            allow_private_carrier_urls: stores.demo
                || reader.value(&settings::ALLOW_PRIVATE_CARRIER_URLS, parse::switch),
            accounts: accounts(reader, stores.demo),
            delivery: delivery(reader),
            pool: stores::pool(reader),
            live: Live {
                subscriber_queue: reader.value(&settings::SUBSCRIBER_QUEUE, parse::count(1, 100_000)),
                sockets_per_organization: reader
                    .value(&settings::SOCKETS_PER_ORGANIZATION, parse::count(1, 1_000_000)),
                strangers: reader.value(&settings::STRANGERS, parse::count(1, 1_000_000)),
                strangers_per_address: reader
                    .value(&settings::STRANGERS_PER_ADDRESS, parse::count(1, 1_000_000)),
            },
            door: door(reader),
            log: Log {
                format: reader.value(&settings::LOG_FORMAT, parse::log_format),
                filter: reader.value(&settings::LOG, parse::log_filter),
            },
            retention: Retention {
                messages: reader.optional(&settings::MESSAGE_RETENTION, parse::duration("7d", "36500d")),
                media: reader.optional(&settings::MEDIA_RETENTION, parse::duration("1d", "36500d")),
                audit: reader.value(&settings::AUDIT_RETENTION, parse::duration("30d", "36500d")),
            },
            event_retention: reader.value(&settings::EVENT_RETENTION, parse::duration("1h", "3650d")),
            shutdown_grace: reader.value(&settings::SHUTDOWN_GRACE, parse::duration("1s", "29s")),
            data_dir,
        }
    }
}

fn twilio(reader: &mut Reader) -> Option<TwilioSeed> {
    let base_url = reader.optional(&settings::TWILIO_BASE_URL, parse::base_url);
    let account_sid = reader.optional(&settings::TWILIO_ACCOUNT_SID, parse::account_sid);
    let auth_token = reader.optional(&settings::TWILIO_AUTH_TOKEN, parse::secret);
    let phone_number = reader.optional(&settings::TWILIO_PHONE_NUMBER, parse::e164);
    Some(TwilioSeed {
        account_sid: account_sid?,
        auth_token: auth_token?,
        phone_number: phone_number?,
        base_url,
    })
}

fn accounts(reader: &mut Reader, demo: bool) -> Accounts {
    let usual = if demo { SignUp::Open } else { SignUp::InviteOnly };
    Accounts {
        sign_up: reader.optional(&settings::SIGN_UP, parse::sign_up).unwrap_or(usual),
        access_token_ttl: reader.value(&settings::ACCESS_TOKEN_TTL, parse::duration("1m", "24h")),
        refresh_token_ttl: reader.value(&settings::REFRESH_TOKEN_TTL, parse::duration("1h", "365d")),
    }
}

fn delivery(reader: &mut Reader) -> Delivery {
    Delivery {
        workers: reader.value(&settings::WORKERS, parse::count(1, 1_024)),
        job_lease: reader.value(&settings::JOB_LEASE, parse::duration("1s", "1h")),
        carrier_timeout: reader.value(&settings::CARRIER_TIMEOUT, parse::duration("100ms", "10m")),
        in_doubt_window: reader.value(&settings::IN_DOUBT_WINDOW, parse::duration("100ms", "24h")),
        poll_after: reader.value(&settings::POLL_AFTER, parse::duration("100ms", "24h")),
        job_attempts: reader.value(&settings::JOB_ATTEMPTS, parse::count(1, 100)),
    }
}

fn door(reader: &mut Reader) -> Door {
    Door {
        cors_origins: reader.value(&settings::CORS_ORIGINS, parse::origins),
        websocket_origins: reader.value(&settings::WEBSOCKET_ORIGINS, parse::origins),
        proxies: Proxies {
            networks: reader.value(&settings::TRUSTED_PROXIES, parse::networks),
            header: reader.value(&settings::FORWARDED_HEADER, parse::forwarded_header),
        },
        webhook_body_limit: reader.value(&settings::WEBHOOK_BODY_LIMIT, parse::count(1_024, 16_777_216)),
        metrics_token: reader.optional(&settings::METRICS_TOKEN, parse::metrics_token),
    }
}

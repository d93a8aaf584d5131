//! The one table of settings: reader, reference page and the search for misspelt names all use it. No parsing here.

/// Which chapter of the reference a setting belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Addresses and the door.
    Server,
    /// Database, Redis, retention.
    Storage,
    /// What seals and signs.
    Keys,
    /// Sign-up and tokens.
    Accounts,
    /// Twilio and calls to carriers.
    Carrier,
    /// The worker.
    Delivery,
    /// Subscriptions.
    Live,
    /// Logs and metrics.
    Observation,
}

impl Group {
    /// Chapters in the order of the reference page.
    pub const ALL: [Self; 8] = [
        Self::Server,
        Self::Storage,
        Self::Keys,
        Self::Accounts,
        Self::Carrier,
        Self::Delivery,
        Self::Live,
        Self::Observation,
    ];

    /// The chapter's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Storage => "Database and Redis",
            Self::Keys => "Keys",
            Self::Accounts => "Accounts and tokens",
            Self::Carrier => "Carrier",
            Self::Delivery => "Delivery",
            Self::Live => "Live subscriptions",
            Self::Observation => "Logs and metrics",
        }
    }
}

/// One row: a name of the environment and of the file, and what the reference says about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name, the same in the environment and in the file.
    pub name: &'static str,
    /// An older name that means the same.
    pub alias: Option<&'static str>,
    /// The chapter.
    pub group: Group,
    /// What a value looks like, for the reference and for error sentences.
    pub form: &'static str,
    /// The value that counts when none is set, as it would be written.
    pub default: Option<&'static str>,
    /// True when the value must never be shown.
    pub secret: bool,
    /// What it is for.
    pub about: &'static str,
}

macro_rules! settings {
    ($($id:ident = $name:literal, $group:ident, $form:literal, $default:expr, $about:literal
       $(, alias $alias:literal)? $(, secret $secret:literal)?;)*) => {
        $(
            pub(super) static $id: Setting = Setting {
                name: $name,
                alias: settings!(@alias $($alias)?),
                group: Group::$group,
                form: $form,
                default: $default,
                secret: settings!(@secret $($secret)?),
                about: $about,
            };
        )*
        /// Every setting there is, in the order of the reference page.
        pub static SETTINGS: &[&Setting] = &[$(&$id),*];
    };
    (@alias $alias:literal) => { Some($alias) };
    (@alias) => { None };
    (@secret $secret:literal) => { $secret };
    (@secret) => { false };
}

settings! {
    CONFIG = "PHONEHUB_CONFIG", Server, "path of a TOML file", None,
        "A file with any of these settings under the same names, one a line. The environment wins over it.";
    LISTEN = "PHONEHUB_LISTEN", Server, "IP address and port", Some("127.0.0.1:8080"),
        "Where the API listens. Beyond loopback both keys and PUBLIC_URL must be set.";
    PUBLIC_URL = "PUBLIC_URL", Server, "http or https URL without query", Some("http://127.0.0.1:8080"),
        "The address under which clients and carriers reach this server; webhook signatures and links are made with \
         it. Anything but loopback must be https.", alias "WEB_URL";
    DATA_DIR = "PHONEHUB_DATA_DIR", Server, "folder", Some("."),
        "Where the demo keeps its database, its keys and the sandbox's journal.";
    SANDBOX_LISTEN = "PHONEHUB_SANDBOX_LISTEN", Server, "IP address and port", Some("127.0.0.1:8081"),
        "Where the sandbox carrier listens: in process in the demo, or started alone with `phonehub sandbox`.";
    CORS_ORIGINS = "PHONEHUB_CORS_ORIGINS", Server, "origins with commas between, or *", Some(""),
        "Web pages of these origins may call the HTTP API. Empty: only pages of PUBLIC_URL's own origin.";
    WEBSOCKET_ORIGINS = "PHONEHUB_WEBSOCKET_ORIGINS", Server, "origins with commas between, or *", Some(""),
        "Web pages of these origins may open sockets. Empty: only pages of PUBLIC_URL's own origin. Clients that send \
         no Origin are not browsers and pass.";
    TRUSTED_PROXIES = "PHONEHUB_TRUSTED_PROXIES", Server, "addresses and networks (CIDR) with commas between", Some(""),
        "Proxies in front of the server. What they say about where a request came from counts in throttles and in the \
         audit log: the last address that is none of theirs. Empty: the peer's own address counts, whatever headers say.",
        alias "TRUSTED_PROXIES";
    FORWARDED_HEADER = "PHONEHUB_FORWARDED_HEADER", Server, "x-forwarded-for or forwarded", Some("x-forwarded-for"),
        "The header that these proxies write. Only this one is read: they pass the other on as the client sent it.";
    WEBHOOK_BODY_LIMIT = "PHONEHUB_WEBHOOK_BODY_LIMIT", Server, "bytes, 1024 to 16777216", Some("65536"),
        "Larger webhooks are refused before their signature is computed.";
    SHUTDOWN_GRACE = "PHONEHUB_SHUTDOWN_GRACE", Server, "duration, 1s to 29s", Some("25s"),
        "How long a graceful stop lets requests and carrier calls in flight finish.";

    DATABASE_URL = "DATABASE_URL", Storage, "postgres://… or sqlite:path", None,
        "The database. Not set: the demo, on the file phonehub.sqlite in PHONEHUB_DATA_DIR, with a demo organisation, \
         a printed token and the sandbox carrier in process.", secret true;
    DATABASE_CONNECTIONS = "PHONEHUB_DATABASE_CONNECTIONS", Storage, "3 to 1000", Some("16"),
        "Most database connections of one process. Jobs get nearly half of them and the watch over open sockets one, so \
         that the API answers under any backlog.";
    DATABASE_TIMEOUT = "PHONEHUB_DATABASE_TIMEOUT", Storage, "duration, 100ms to 60s", Some("5s"),
        "Longest wait for a free connection; then the answer is UNAVAILABLE and may be retried.";
    SQLITE_SYNCHRONOUS = "PHONEHUB_SQLITE_SYNCHRONOUS", Storage, "full or normal", Some("full"),
        "full: a commit survives a power cut. normal: it survives a crash of the process, and costs less.";
    REDIS_URL = "REDIS_URL", Storage, "redis://… or rediss://…", None,
        "Redis, needed by more than one instance. With it down nothing is lost, only slower by up to a second.",
        secret true;
    REDIS_HOST = "REDIS_HOST", Storage, "host name", None, "Redis by its parts instead of REDIS_URL.";
    REDIS_PORT = "REDIS_PORT", Storage, "1 to 65535", Some("6379"), "Port beside REDIS_HOST.";
    REDIS_PASSWORD = "REDIS_PASSWORD", Storage, "text", None, "Password beside REDIS_HOST.", secret true;
    EVENT_RETENTION = "PHONEHUB_EVENT_RETENTION", Storage, "duration, 1h to 3650d", Some("7d"),
        "How long subscriptions can be resumed: a cursor older than this is refused with CURSOR_TOO_OLD.";

    MESSAGE_RETENTION = "PHONEHUB_MESSAGE_RETENTION", Storage, "duration, 7d to 36500d", None,
        "How long messages are kept, with all that is known of them, where an organisation wishes nothing else. Not \
         shorter than PHONEHUB_EVENT_RETENTION. Not set: for ever.";
    MEDIA_RETENTION = "PHONEHUB_MEDIA_RETENTION", Storage, "duration, 1d to 36500d", None,
        "How long files of messages can be fetched, where an organisation wishes nothing else. Not set: as long as \
         their messages.";
    AUDIT_RETENTION = "PHONEHUB_AUDIT_RETENTION", Storage, "duration, 30d to 36500d", Some("365d"),
        "How long audit entries are kept, where an organisation wishes nothing else. The database itself refuses to \
         delete younger ones.";

    MASTER_KEY = "PHONEHUB_MASTER_KEY", Keys, "id:base64 of 32 bytes, with commas between", None,
        "Seals credentials in the database. The first key seals, all of them open; add a new one in front and run \
         `phonehub admin rotate-master-key` to rotate. Required with DATABASE_URL and beyond loopback.", secret true;
    TOKEN_KEY = "PHONEHUB_TOKEN_KEY", Keys, "id:base64 of 32 bytes, with commas between", None,
        "Signs access tokens, cursors and media links. The first key signs, all of them verify. Required with \
         DATABASE_URL and beyond loopback.", secret true;

    SIGN_UP = "PHONEHUB_SIGN_UP", Accounts, "open or invite_only", None,
        "Who may sign up. Not set: open in the demo, invite_only elsewhere.";
    ACCESS_TOKEN_TTL = "PHONEHUB_ACCESS_TOKEN_TTL", Accounts, "duration, 1m to 24h", Some("15m"),
        "Life of an access token.";
    REFRESH_TOKEN_TTL = "PHONEHUB_REFRESH_TOKEN_TTL", Accounts, "duration, 1h to 365d", Some("30d"),
        "Life of a refresh token since its last use; each use replaces it.";

    TWILIO_ACCOUNT_SID = "TWILIO_ACCOUNT_SID", Carrier, "AC and 32 hexadecimal digits", None,
        "The system-wide Twilio account; set together with TWILIO_AUTH_TOKEN and TWILIO_PHONE_NUMBER.";
    TWILIO_AUTH_TOKEN = "TWILIO_AUTH_TOKEN", Carrier, "text", None,
        "Its auth token; also the key of webhook signatures.", secret true;
    TWILIO_PHONE_NUMBER = "TWILIO_PHONE_NUMBER", Carrier, "E.164 number", None, "Its default sender.";
    TWILIO_BASE_URL = "TWILIO_BASE_URL", Carrier, "http or https URL without query", None,
        "Where its API is, for a sandbox; not set: Twilio's own address.";
    ALLOW_PRIVATE_CARRIER_URLS = "PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", Carrier, "true or false", Some("false"),
        "Lets a carrier's base URL be http or point at loopback and private addresses, for a sandbox, and webhook \
         endpoints be on this machine. The demo implies it.";
    CARRIER_TIMEOUT = "PHONEHUB_CARRIER_TIMEOUT", Carrier, "duration, 100ms to 10m", Some("15s"),
        "Longest wait for a carrier's answer. Must be two seconds shorter than PHONEHUB_JOB_LEASE.";

    WORKERS = "PHONEHUB_WORKERS", Delivery, "1 to 1024", Some("32"),
        "Jobs that one process works on at the same time.";
    JOB_LEASE = "PHONEHUB_JOB_LEASE", Delivery, "duration, 1s to 1h", Some("30s"),
        "How long a claimed job belongs to its worker; after a crash another one takes it over this much later, on SQLite \
         at the next start.";
    JOB_ATTEMPTS = "PHONEHUB_JOB_ATTEMPTS", Delivery, "1 to 100", Some("10"),
        "Tries of a job before it is dead: visible in deadJobs, tried again by redriveJob.";
    IN_DOUBT_WINDOW = "PHONEHUB_IN_DOUBT_WINDOW", Delivery, "duration, 100ms to 24h", Some("60s"),
        "How long the carrier's list is searched for an attempt whose answer was lost, before the organisation's \
         policy (RESEND or HOLD) decides.";
    POLL_AFTER = "PHONEHUB_POLL_AFTER", Delivery, "duration, 100ms to 24h", Some("5m"),
        "A message without a final status for this long is asked for at the carrier.";

    SUBSCRIBER_QUEUE = "PHONEHUB_SUBSCRIBER_QUEUE", Live, "1 to 100000", Some("256"),
        "Events that may wait for one subscriber; a slower one is closed with 1013 and resumes by its cursor.";
    SOCKETS_PER_ORGANIZATION = "PHONEHUB_SOCKETS_PER_ORGANIZATION", Live, "1 to 1000000", Some("10000"),
        "Open sockets and event streams of one organisation on one instance.";
    STRANGERS = "PHONEHUB_ANONYMOUS_SOCKETS", Live, "1 to 1000000", Some("10000"),
        "Open sockets of one instance that have no token, or not yet; one more is closed with 1013.";
    STRANGERS_PER_ADDRESS = "PHONEHUB_ANONYMOUS_SOCKETS_PER_ADDRESS", Live, "1 to 1000000", Some("1000"),
        "The same from one address (an IPv6 /64 counts as one). Set PHONEHUB_TRUSTED_PROXIES behind a load balancer, \
         whose own address it would be otherwise.";

    LOG = "PHONEHUB_LOG", Observation, "filter", Some("info"),
        "error, warn, info, debug or trace, or a filter such as info,phonehub::features=debug.";
    LOG_FORMAT = "PHONEHUB_LOG_FORMAT", Observation, "text or json", Some("text"), "How log lines look.";
    METRICS_TOKEN = "PHONEHUB_METRICS_TOKEN", Observation, "text of 16 characters or more", None,
        "Bearer token that /metrics asks for. Not set: /metrics answers only while the API listens on loopback.",
        secret true;
}

/// Prefixes that are ours: a name under them that the table does not know is a mistake, not somebody else's.
pub(super) const OURS: [&str; 2] = ["PHONEHUB_", "TWILIO_"];

/// Names under this prefix steer the tests and never reach the server.
pub(super) const TESTS: &str = "PHONEHUB_TEST_";

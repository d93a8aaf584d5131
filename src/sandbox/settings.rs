//! What a caller must say to start the sandbox: where it listens, whom it serves, how fast it lives. No
//! behaviour.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

/// Everything that [`start`](super::start) needs. `Settings::default()` listens on loopback port 8081 and
/// knows no account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The root that clients reach it by, when that is not `http://{listen}` (behind a proxy, in a
    /// container).
    pub public_url: Option<String>,
    /// The accounts that exist from the start; more come through `POST /sandbox/accounts`.
    pub accounts: Vec<Account>,
    /// How long each stage of a message lasts.
    pub timing: Timing,
    /// A file of JSON lines that lets a restarted sandbox know its messages, opt-outs and webhook addresses
    /// again.
    pub journal: Option<PathBuf>,
    /// Serve `/sandbox/…` to other machines too. It needs no credentials, so leave it off on a shared
    /// network.
    pub open_control: bool,
    /// Messages kept; the oldest is forgotten beyond that.
    pub capacity: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            public_url: None,
            accounts: Vec::new(),
            timing: Timing::default(),
            journal: None,
            open_control: false,
            capacity: 200_000,
        }
    }
}

/// An emulated Twilio account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `AC` and 32 hexadecimal digits.
    #[serde(default)]
    pub sid: String,
    /// The password of the account SID, and the key that webhooks are signed with.
    #[serde(default)]
    pub auth_token: String,
    /// API keys as (`SK…`, secret).
    #[serde(default)]
    pub api_keys: Vec<(String, String)>,
    /// The numbers that it may send from and be texted on.
    #[serde(default)]
    pub numbers: Vec<Number>,
    /// Its messaging services.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Twilio's own answer to STOP, and 21610 for later sends. Off, as for a stand-alone short code, STOP is
    /// a text like any other.
    #[serde(default = "yes")]
    pub handles_stop: bool,
    /// Advanced Opt-Out: inbound webhooks carry `OptOutType`.
    #[serde(default)]
    pub advanced_opt_out: bool,
}

const fn yes() -> bool {
    true
}

impl Account {
    /// An account without numbers that handles STOP as Twilio does by default.
    pub fn new(sid: impl Into<String>, auth_token: impl Into<String>) -> Self {
        Self {
            sid: sid.into(),
            auth_token: auth_token.into(),
            api_keys: Vec::new(),
            numbers: Vec::new(),
            services: Vec::new(),
            handles_stop: true,
            advanced_opt_out: false,
        }
    }

    /// The same account with one more number, whose inbound messages go to `sms_url`.
    #[must_use]
    pub fn with_number(mut self, phone_number: &str, sms_url: Option<&str>) -> Self {
        self.numbers
            .push(Number { phone_number: phone_number.to_owned(), sms_url: sms_url.map(str::to_owned) });
        self
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("sid", &self.sid)
            .field("api_keys", &self.api_keys.iter().map(|(sid, _)| sid).collect::<Vec<_>>())
            .field("numbers", &self.numbers)
            .field("services", &self.services)
            .field("handles_stop", &self.handles_stop)
            .field("advanced_opt_out", &self.advanced_opt_out)
            .finish_non_exhaustive()
    }
}

/// A number of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// E.164, a short code, or an alphanumeric sender id.
    pub phone_number: String,
    /// Where an inbound message is announced; none, and it is only kept.
    #[serde(default)]
    pub sms_url: Option<String>,
}

/// A messaging service: a pool of senders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `MG` and 32 hexadecimal digits.
    pub sid: String,
    /// The senders of its pool, each a number of the same account.
    pub numbers: Vec<String>,
}

/// How long each stage of a message lasts.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From `accepted` (with a messaging service) to `queued`.
    pub accepted_to_queued: Duration,
    /// From `queued` to `sent` or `failed`.
    pub queued_to_sent: Duration,
    /// From `sent` to `delivered` or `undelivered`.
    pub sent_to_delivered: Duration,
    /// From `sent` until the price is known.
    pub price: Duration,
    /// From `sent` to `delivered` for the slow test number.
    pub slow: Duration,
    /// From `delivered` until the echo phone answers.
    pub echo: Duration,
    /// Between two attempts at one webhook.
    pub webhook_retry: Duration,
    /// The shortest notice that a scheduled message needs; Twilio asks for 15 minutes.
    pub schedule_notice: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            accepted_to_queued: Duration::from_millis(100),
            queued_to_sent: Duration::from_millis(300),
            sent_to_delivered: Duration::from_millis(700),
            price: Duration::from_secs(2),
            slow: Duration::from_secs(30),
            echo: Duration::from_millis(500),
            webhook_retry: Duration::from_secs(1),
            schedule_notice: Duration::from_mins(15),
        }
    }
}

impl Timing {
    /// No delay anywhere, for tests.
    pub const fn instant() -> Self {
        Self {
            accepted_to_queued: Duration::ZERO,
            queued_to_sent: Duration::ZERO,
            sent_to_delivered: Duration::ZERO,
            price: Duration::ZERO,
            slow: Duration::ZERO,
            echo: Duration::ZERO,
            webhook_retry: Duration::ZERO,
            schedule_notice: Duration::ZERO,
        }
    }
}

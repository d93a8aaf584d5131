//! Twilio's connection overrides: settings in the fragment of a webhook URL,
//! `#ct=2000&rt=5000&tt=15000&rc=3&rp=ct,5xx`
//! (<https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>). Parsing only.

use std::time::Duration;

use url::form_urlencoded;

/// How one webhook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrides {
    /// To open the connection.
    pub(super) connect: Duration,
    /// Between two packets of the answer.
    pub(super) read: Duration,
    /// For all attempts together.
    pub(super) total: Duration,
    /// Attempts after the first.
    pub(super) retries: u32,
    pub(super) policy: RetryPolicy,
}

/// After which failures another attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RetryPolicy {
    pub(super) on_connect: bool,
    pub(super) on_read: bool,
    pub(super) on_4xx: bool,
    pub(super) on_5xx: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            total: Duration::from_secs(15),
            retries: 1,
            policy: RetryPolicy { on_connect: true, ..RetryPolicy::default() },
        }
    }
}

impl Overrides {
    /// The URL as it is requested and signed, and what its fragment asks for. Values out of range are brought
    /// into it.
    pub(super) fn split(url: &str) -> (&str, Self) {
        let (address, fragment) = url.split_once('#').unwrap_or((url, ""));
        let mut overrides = Self::default();
        for (key, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let number = value.parse::<u64>().ok();
            match (&*key, number) {
                ("ct", Some(ms)) => overrides.connect = Duration::from_millis(ms.clamp(100, 10_000)),
                ("rt", Some(ms)) => overrides.read = Duration::from_millis(ms.clamp(100, 15_000)),
                ("tt", Some(ms)) => overrides.total = Duration::from_millis(ms.clamp(100, 15_000)),
                ("rc", Some(count)) => overrides.retries = u32::try_from(count.min(5)).unwrap_or(5),
                ("rp", _) => overrides.policy = RetryPolicy::parse(&value),
                _ => {}
            }
        }
        (address, overrides)
    }
}

impl RetryPolicy {
    fn parse(words: &str) -> Self {
        words.split(',').fold(Self::default(), |policy, word| match word {
            "ct" => Self { on_connect: true, ..policy },
            "rt" => Self { on_read: true, ..policy },
            "4xx" => Self { on_4xx: true, ..policy },
            "5xx" => Self { on_5xx: true, ..policy },
            "all" => Self { on_connect: true, on_read: true, on_4xx: true, on_5xx: true },
            _ => policy,
        })
    }
}

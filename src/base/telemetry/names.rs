//! The name of every metric with its labels, unit and meaning, in one place. Nothing is measured here.
//!
//! Label values come from small closed sets (route, provider, class); never a number, a tenant or an id.

use std::fmt::Write;

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Now.
    Gauge,
    /// A distribution with these upper bounds.
    Histogram(&'static [f64]),
}

/// A label.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// All values that it can have; none for what other tables list, such as routes and kinds of jobs.
    pub values: &'static [&'static str],
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, with unit.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it means.
    pub about: &'static str,
}

impl Metric {
    /// Every combination of the values of its labels; none when one of them is not listed.
    fn combinations(&self) -> Vec<Vec<metrics::Label>> {
        self.labels.iter().fold(vec![Vec::new()], |begun, label| {
            let with = |begun: &Vec<metrics::Label>, value: &'static str| {
                let next = metrics::Label::from_static_parts(label.name, value);
                begun.iter().cloned().chain([next]).collect()
            };
            begun.iter().flat_map(|begun| label.values.iter().map(move |value| with(begun, value))).collect()
        })
    }
}

/// Seconds of work inside one machine: 0.1 ms to 10 s.
const INSIDE: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Seconds of calls across the internet: 5 ms to 60 s.
const OUTSIDE: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];

macro_rules! metrics {
    ($($id:ident = $name:literal, $kind:expr, [$($label:literal $(: [$($value:literal),*])?),*], $about:literal;)*) => {
        $(
            #[doc = $about]
            pub const $id: &str = $name;
        )*
        /// Every metric there is.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name,
            kind: $kind,
            labels: &[$(Label { name: $label, values: &[$($($value),*)?] }),*],
            about: $about,
        }),*];
    };
}

metrics! {
    HTTP_REQUESTS = "phonehub_http_requests_total", Kind::Counter, ["route", "status"],
        "Answered HTTP requests.";
    HTTP_REQUEST_SECONDS = "phonehub_http_request_seconds", Kind::Histogram(INSIDE), ["route"],
        "Time from a request's head to its answer's head.";
    SOCKETS = "phonehub_sockets", Kind::Gauge, [],
        "Open WebSocket connections and event streams.";
    SUBSCRIPTIONS = "phonehub_subscriptions", Kind::Gauge, [],
        "Running subscription operations.";
    SLOW_SUBSCRIBERS = "phonehub_slow_subscribers_total", Kind::Counter, [],
        "Subscribers closed with 1013 because their queue was full.";
    ACTIVE_USERS = "phonehub_active_users", Kind::Gauge, [],
        "Users and API keys that this instance answered in the last 15 minutes.";
    SIGN_IN_REFUSALS = "phonehub_sign_in_refusals_total", Kind::Counter, ["reason": ["credentials", "throttled"]],
        "Refused sign-ins: wrong credentials or throttled.";
    JOBS_WAITING = "phonehub_jobs_waiting", Kind::Gauge, [],
        "Jobs that are due and unclaimed, on all instances.";
    OLDEST_JOB_SECONDS = "phonehub_oldest_job_seconds", Kind::Gauge, [],
        "Age of the oldest due job: how far delivery is behind.";
    JOBS_IN_LINES = "phonehub_jobs_in_lines", Kind::Gauge, [],
        "Jobs that wait for their turn at a sender's pace, on all instances.";
    OLDEST_IN_LINES_SECONDS = "phonehub_oldest_in_lines_seconds", Kind::Gauge, [],
        "Age of the oldest job that waits for its turn at a sender's pace.";
    JOBS_DEAD = "phonehub_jobs_dead", Kind::Gauge, [],
        "Jobs given up, waiting for redriveJob.";
    JOBS = "phonehub_jobs_total", Kind::Counter, ["kind", "outcome": ["done", "retry", "dead"]],
        "Finished runs of jobs: done, retry (it failed) or dead (given up at once).";
    JOB_SECONDS = "phonehub_job_seconds", Kind::Histogram(OUTSIDE), ["kind"],
        "Time of one run of a job.";
    SENDING_PAUSED = "phonehub_sending_paused", Kind::Gauge, [],
        "1 while an operator has paused sending.";
    ATTEMPTS_IN_DOUBT = "phonehub_attempts_in_doubt_total", Kind::Counter, [],
        "Hand-overs whose answer was lost, so that evidence had to be looked for.";
    MESSAGES_UNKNOWN = "phonehub_messages_unknown", Kind::Gauge, [],
        "Messages held as UNKNOWN, waiting for resolveMessage.";
    CARRIER_REQUEST_SECONDS = "phonehub_carrier_request_seconds", Kind::Histogram(OUTSIDE),
        [
            "provider", "operation",
            "outcome": ["ok", "rate_limited", "refused", "server_error", "breaker_open", "not_sent", "in_doubt"]
        ],
        "Time of one call to a carrier.";
    CARRIER_ERRORS = "phonehub_carrier_errors_total", Kind::Counter, [
            "provider", "operation",
            "outcome": ["rate_limited", "refused", "server_error", "breaker_open", "not_sent", "in_doubt"]
        ],
        "Calls to a carrier that did not succeed, by what came of them.";
    CARRIER_BREAKERS_OPEN = "phonehub_carrier_breakers_open", Kind::Gauge, ["provider"],
        "Carrier accounts that are not called for now because they failed too often.";
    DATABASE_CONNECTIONS = "phonehub_database_connections", Kind::Gauge, ["state": ["busy", "idle"]],
        "Connections of this process's pool: busy or idle.";
    DATABASE_QUERY_SECONDS = "phonehub_database_query_seconds", Kind::Histogram(INSIDE), [],
        "Time of one statement, waiting for a connection included.";
    REDIS_UP = "phonehub_redis_up", Kind::Gauge, [],
        "1 while Redis answers, 0 while it does not; absent without Redis.";
    BUS_DROPPED = "phonehub_bus_dropped_total", Kind::Counter, [],
        "Events that Redis did not take in time; subscribers on other instances read them from the log instead.";
    EVENTS_PUBLISHED = "phonehub_events_published_total", Kind::Counter, [],
        "Events handed to the bus after their commit.";
    WEBHOOKS = "phonehub_webhooks_total", Kind::Counter, [
            "route": ["messages", "status", "optout"],
            "outcome": ["stored", "duplicate", "parked", "refused", "failed"]
        ],
        "Webhooks by what became of them: stored, duplicate, parked, refused, failed (we could not store it).";
    WEBHOOK_REFUSALS = "phonehub_webhook_refusals_total", Kind::Counter, ["reason": [
            "unsigned", "wrong_signature", "unknown_algorithm", "content_type", "altered_body", "unreadable",
            "unknown_config", "unproven_config", "foreign_account", "too_large", "too_slow", "malformed"
        ]],
        "Webhooks refused as unsigned, wrongly signed, too large or unreadable.";
    WEBHOOK_ATTEMPTS = "phonehub_webhook_attempts_total", Kind::Counter,
        ["outcome": ["delivered", "retry", "failed", "gone"]],
        "Posts to partners' endpoints by what came of them: delivered, retry, failed (given up) or gone (410).";
    WEBHOOK_LAG_SECONDS = "phonehub_webhook_lag_seconds", Kind::Histogram(OUTSIDE), [],
        "Time from an event's delivery being planned to its first attempt.";
    CACHE_LOOKUPS = "phonehub_cache_lookups_total", Kind::Counter, ["cache": ["documents"], "outcome": ["hit", "miss"]],
        "Look-ups in in-process caches: hit or miss.";
}

/// The text of `docs/operations/metrics.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\nWritten from the table in `src/base/telemetry/names.rs`; a test compares it (`UPDATE_DOCS=1 cargo \
         test metrics_page` writes it anew).\nLabels hold values of small closed sets; never a number, a tenant or an \
         id.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(reference_of).collect();
        let (name, labels, about) = (metric.name, labels.join(", "), metric.about);
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {about} |");
    }
    page
}

/// A label as the page shows it.
fn reference_of(label: &Label) -> String {
    if label.values.is_empty() {
        return format!("`{}`", label.name);
    }
    format!("`{}`: {}", label.name, label.values.join(" "))
}

/// Tells the recorder what each metric means, and begins counters at 0 wherever all their labels are known: an `increase`
/// does not see a series that begins at 1.
pub(super) fn describe() {
    for metric in ALL.iter().filter(|metric| metric.kind == Kind::Counter) {
        for labels in metric.combinations() {
            metrics::counter!(metric.name, labels).increment(0);
        }
    }
    for metric in ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.about),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.about),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.about),
        }
    }
}

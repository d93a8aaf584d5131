//! Logs and metrics: set up once by `main`, written everywhere through `tracing` and `metrics`. Decides nothing.

pub mod names;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use entity::ids::OrganizationId;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Crates that can write headers, URLs or rows into logs at their lower levels. Whatever the filter says, they stay
/// at `info`: no level may put a secret or a body into a log.
const WIRE: [&str; 13] = [
    "async_graphql",
    "h2",
    "hyper",
    "hyper_util",
    "redis",
    "reqwest",
    "rlibphonenumber",
    "rustls",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "tokio_tungstenite",
    "tungstenite",
];

/// Time between two drainings of the histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts the log on standard error and sends panics there too. A second call (tests) changes nothing.
pub fn start_log(log: &Log) {
    let started = match log.format {
        LogFormat::Text => text_log(&log.filter, std::io::stderr).try_init(),
        LogFormat::Json => json_log(&log.filter, std::io::stderr).try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Every line of a request or socket carries its id and, once it is known, whose it is.
pub fn span_of_request(request_id: &str) -> tracing::Span {
    tracing::info_span!("request", request_id, organization = tracing::field::Empty)
}

/// Adds the organisation to the span of [`span_of_request`] that is entered.
pub fn note_organization(organization: OrganizationId) {
    tracing::Span::current().record("organization", tracing::field::display(organization));
}

fn text_log<W>(filter: &str, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(writer);
    tracing_subscriber::registry()
        .with(EnvFilter::builder().parse_lossy(filter))
        .with(filter_fn(is_safe))
        .with(layer)
}

fn json_log<W>(filter: &str, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    tracing_subscriber::registry()
        .with(EnvFilter::builder().parse_lossy(filter))
        .with(filter_fn(is_safe))
        .with(layer)
}

/// Lets through what [`WIRE`] does not hold down. A layer of its own: a directive of the operator's filter that is more
/// specific than ours would win over ours.
fn is_safe(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || !WIRE.contains(&name)
}

/// Where it happened, and its text when that is a literal: formatted texts may hold values and stay unsaid.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, text, "panic");
}

/// Text of `/metrics`, and what keeps the recorder's memory bounded.
#[derive(Debug, Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The process's recorder, installed by the first call with every metric's description and buckets.
    pub fn install() -> Result<Self, BuildError> {
        static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self(handle.clone()));
        }
        let handle = builder()?.install_recorder()?;
        names::describe();
        *installed = Some(handle.clone());
        Ok(Self(handle))
    }

    /// Drains what the histograms gather, for ever; else they grow until somebody asks for the text.
    pub async fn keep_bounded(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }

    /// All metrics in Prometheus's text format 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in names::ALL {
        if let names::Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    Ok(builder)
}

//! The measured goals: starts the release server as users do, puts load on it over loopback, and prints each figure beside
//! its goal. Where a goal is a ratio, the limit that it refers to is measured in the same run.
//!
//!     cargo bench --bench load                        everything, on SQLite alone
//!     cargo bench --bench load -- accept fanout       some of it
//!
//! With `PHONEHUB_TEST_DATABASE_URL` (and `PHONEHUB_TEST_REDIS_URL`) set, PostgreSQL and Redis are used. The measures know
//! nothing of the server's insides; only `world` uses its library, to make organisations and keys.

mod accept;
mod carrier;
mod fan_out;
mod hand_over;
mod http;
mod limits;
mod receive;
mod report;
mod round_trip;
mod server;
mod signature;
mod sockets;
mod start;
mod stopwatch;
mod subscriber;
mod webhooks;
mod world;

use report::Report;

/// What goes wrong in a measurement ends it.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The names of the measures, in the order in which they run.
const MEASURES: [&str; 8] =
    ["start", "sockets", "accept", "hand-over", "webhooks", "receive", "fan-out", "round-trip"];

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if words.first().is_some_and(|word| word == limits::BARE) {
        return runtime.block_on(limits::serve_bare());
    }
    if let Some(unknown) = words.iter().find(|word| !MEASURES.contains(&word.as_str())) {
        return Err(format!("{unknown} is no measure; there are {}", MEASURES.join(", ")).into());
    }
    let wanted = |name: &&str| words.is_empty() || words.iter().any(|word| word == name);
    let mut report = Report::new(&world::backend());
    for name in MEASURES.into_iter().filter(wanted) {
        eprintln!("measuring {name}");
        if let Err(error) = runtime.block_on(measure(name, &mut report)) {
            report.failed(name, error.as_ref());
        }
    }
    report.print();
    if report.is_complete() { Ok(()) } else { Err("some measurements failed".into()) }
}

async fn measure(name: &str, report: &mut Report) -> Outcome<()> {
    match name {
        "start" => start::measure(report).await,
        "sockets" => sockets::measure(report).await,
        "accept" => accept::measure(report).await,
        "hand-over" => hand_over::measure(report).await,
        "webhooks" => webhooks::measure(report).await,
        "receive" => receive::measure(report).await,
        "fan-out" => fan_out::measure(report).await,
        _ => round_trip::measure(report).await,
    }
}

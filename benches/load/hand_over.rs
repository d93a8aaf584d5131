//! Messages handed to the carrier a second by one process: a queue that becomes due at once, timed at the carrier.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    accept::send_for,
    report::{Goal, Report},
    stopwatch::float,
    world::{self, When, World},
};

/// How long the queue is filled.
const FILLING: Duration = Duration::from_secs(6);
/// When everything is due: once the filling has ended.
const DUE: When = When::In(8);
/// How long the hand-over is watched.
const WATCHED: Duration = Duration::from_secs(15);
/// Twice the official Node SDK's best.
const GOAL: f64 = 8_502.0;

/// Measures from the first message that the carrier takes to the last.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let world = Arc::new(World::start(100).await?);
    let queued = send_for(&world, DUE, FILLING).await?.times.len();
    let (begun, cpu) = (Instant::now(), world.server.cpu_ms()?);
    while world.carrier.taken() < queued && begun.elapsed() < WATCHED {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken = world.carrier.taken();
    let (first, last) = world.carrier.span().ok_or("the carrier was given nothing")?;
    let rate = world::per_second(taken, (last - first).as_secs_f64());
    report.add("hand-over to the carrier, one process", rate, "/s", Goal::AtLeast(GOAL));
    let each = (world.server.cpu_ms()? - cpu) / float(taken);
    report.add("— the server's processor time for each", each, "ms", Goal::None);
    Ok(())
}

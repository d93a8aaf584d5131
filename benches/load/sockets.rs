//! What an idle subscribed socket costs: the server's resident memory with 2,000 of them, less without.

use std::time::Duration;

use crate::{
    Outcome,
    report::{Goal, Report},
    stopwatch::float,
    subscriber,
    world::World,
};

/// Sockets; each with one subscription.
const SOCKETS: usize = 2_000;
/// Sockets before the count starts, so that what the first ones make for all is not counted.
const WARM_UP: usize = 50;

/// Measures the growth.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let world = World::start(1).await?;
    let _first = subscriber::open_many(world.server.address, &world.keys[0], WARM_UP).await?;
    let before = world.server.resident_kib()?;
    let _open = subscriber::open_many(world.server.address, &world.keys[0], SOCKETS).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kib = (world.server.resident_kib()? - before) / float(SOCKETS);
    report.add("memory per idle subscribed socket", kib, "KiB", Goal::AtMost(16.0));
    Ok(())
}

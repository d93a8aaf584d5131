//! `sendMessage`: accepted, durable and answered, over 16 connections; spread over 100 organisations, and by one alone.
//! The messages are scheduled ahead, so that handing over is not measured too; then once more with it.

use std::{sync::Arc, time::Duration};

use crate::{
    Outcome, http, limits,
    report::{Goal, Report},
    stopwatch::{Load, Rate, closed_loop},
    world::{self, Store, When, World},
};

/// Connections at once.
pub const CONNECTIONS: usize = 16;
/// How long each load lasts.
const LASTING: Duration = Duration::from_secs(8);
/// Far enough ahead that none becomes due meanwhile.
const LATER: When = When::In(3600);

/// Measures all three loads, and the commits beside them.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let goal = match world::postgres() {
        Some(_) => {
            let commits = limits::commits(&Store::new().await?).await?;
            report.add("limit: one-row commits, pgbench, 16 connections", commits, "/s", Goal::None);
            Goal::AtLeast(0.3 * commits)
        }
        None => Goal::AtLeast(5_000.0),
    };
    let spread = Arc::new(World::start(100).await?);
    add(report, "`sendMessage` accepted, 100 organisations", load(&spread, LATER).await?, goal);
    drop(spread);
    let alone = Arc::new(World::start(1).await?);
    add(report, "`sendMessage` accepted, one organisation alone", load(&alone, LATER).await?, Goal::None);
    drop(alone);
    let due = Arc::new(World::start(100).await?);
    add(report, "the same, 100 organisations, while handing over", load(&due, When::Now).await?, Goal::None);
    Ok(())
}

fn add(report: &mut Report, measure: &str, rate: Rate, goal: Goal) {
    report.add(measure, rate.per_second(), "/s", goal);
    report.add("— the server's processor time for each", rate.cpu_ms, "ms", Goal::None);
    let mut times = rate.times;
    report.add("— answered within, p50", times.quantile_ms(0.5), "ms", Goal::None);
    report.add("— answered within, p99", times.quantile_ms(0.99), "ms", Goal::None);
}

async fn load(world: &Arc<World>, when: When) -> Outcome<Rate> {
    send_for(world, when, LASTING).await
}

/// Sends as fast as the server accepts, and fails on the first message that it does not.
pub async fn send_for(world: &Arc<World>, when: When, lasting: Duration) -> Outcome<Rate> {
    let clients = http::connect_many(world.server.address, CONNECTIONS).await?;
    let sender = world.clone();
    closed_loop(Load { server: &world.server, clients, lasting }, move |mut client| {
        let world = sender.clone();
        async move {
            let (key, number) = world.turn();
            world::accepted(&client.graphql(key, &world::send(number, when)).await?)?;
            Ok(client)
        }
    })
    .await
}

//! From the writer's answer, which follows its commit at once, to the subscriber: one message at a time on a server that has
//! nothing else to do. An event that overtakes the answer counts as 0.

use std::time::{Duration, Instant};

use crate::{
    Outcome,
    http::Client,
    report::{Goal, Report},
    stopwatch::Times,
    subscriber::{Subscriber, WATCH},
    world::{self, When, World},
};

/// Messages before the clock runs.
const WARM_UP: usize = 50;
/// Messages that count.
const MESSAGES: usize = 1_000;

/// Measures the two ways on one pair of connections: to the answer, and from the answer to the event.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let world = World::start(1).await?;
    let (key, _) = world.turn();
    let mut client = Client::connect(world.server.address).await?;
    let subscriber = Subscriber::open(world.server.address, key, WATCH).await?;
    let (tell, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(listen(subscriber, tell));
    let (mut behind, mut whole) = (Times::default(), Times::default());
    for round in 0..WARM_UP + MESSAGES {
        let (key, number) = world.turn();
        let asked = Instant::now();
        world::accepted(&client.graphql(key, &world::send(number, When::In(3600))).await?)?;
        let answered = Instant::now();
        let arrived = tokio::time::timeout(Duration::from_secs(5), arrivals.recv()).await?;
        let arrived: Instant = arrived.ok_or("the subscriber stopped")?;
        if round >= WARM_UP {
            behind.add(arrived.saturating_duration_since(answered));
            whole.add(arrived - asked);
        }
    }
    listening.abort();
    report.add("publish → receive, p50", behind.quantile_ms(0.5), "ms", Goal::AtMost(0.4));
    report.add("publish → receive, p99", behind.quantile_ms(0.99), "ms", Goal::AtMost(1.2));
    report.add("— from the request to the event, p50", whole.quantile_ms(0.5), "ms", Goal::None);
    Ok(())
}

async fn listen(
    mut subscriber: Subscriber,
    tell: tokio::sync::mpsc::UnboundedSender<Instant>,
) -> Outcome<()> {
    loop {
        subscriber.next().await?;
        if tell.send(Instant::now()).is_err() {
            return Ok(());
        }
    }
}

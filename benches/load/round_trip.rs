//! The live loop at 50 messages a second: from the request through the carrier and its signed callback to the subscriber that
//! is told "delivered".

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    http::Client,
    report::{Goal, Report},
    stopwatch::Times,
    subscriber::{self, Subscriber, WATCH},
    world::{self, When, World},
};

/// Between two messages: 50 a second.
const PACE: Duration = Duration::from_millis(20);
/// Messages before the clock runs.
const WARM_UP: usize = 50;
/// All messages.
const MESSAGES: usize = 550;

/// Sends at the pace, whatever the answers take, and waits for every delivery.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let world = Arc::new(World::start(1).await?);
    world.carrier.call_back();
    let subscriber = Subscriber::open(world.server.address, &world.keys[0], WATCH).await?;
    let sent = Arc::new(Mutex::new(HashMap::new()));
    let arrivals = tokio::spawn(listen(subscriber, sent.clone()));
    let mut pace = tokio::time::interval(PACE);
    for _ in 0..MESSAGES {
        pace.tick().await;
        tokio::spawn(send(world.clone(), sent.clone()));
    }
    let mut times = tokio::time::timeout(Duration::from_secs(15), arrivals).await???;
    report.add(
        "request → carrier → callback → subscriber, p50",
        times.quantile_ms(0.5),
        "ms",
        Goal::AtMost(15.0),
    );
    report.add(
        "request → carrier → callback → subscriber, p99",
        times.quantile_ms(0.99),
        "ms",
        Goal::AtMost(50.0),
    );
    Ok(())
}

type Sent = Arc<Mutex<HashMap<usize, Instant>>>;

async fn send(world: Arc<World>, sent: Sent) -> Outcome<()> {
    let (key, number) = world.turn();
    sent.lock().expect("no panic happens under this lock").insert(number, Instant::now());
    let mut client = Client::connect(world.server.address).await?;
    world::accepted(&client.graphql(key, &world::send(number, When::Now)).await?)
}

async fn listen(mut subscriber: Subscriber, sent: Sent) -> Outcome<Times> {
    let mut times = Times::default();
    for delivered in 0.. {
        if delivered == MESSAGES {
            break;
        }
        let text = loop {
            let text = subscriber.next().await?;
            if text.contains("DELIVERED") {
                break text;
            }
        };
        let number = subscriber::number_in(text).ok_or("an event without a number")?;
        let begun = sent.lock().expect("no panic happens under this lock").remove(&number);
        if delivered >= WARM_UP {
            times.add(begun.ok_or("delivered twice")?.elapsed());
        }
    }
    Ok(times)
}

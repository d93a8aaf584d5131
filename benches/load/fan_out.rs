//! One organisation's events to 1,000 subscribers of the same document, as fast as they go: deliveries a second, and how long
//! after the writer's answer they come. The same subscribers then hang on a bare axum server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{
    Outcome,
    http::{Client, Post},
    limits::Bare,
    report::{Goal, Report},
    stopwatch::Times,
    subscriber::{self, Subscriber},
    world::{self, When, World},
};

/// Subscribers.
const SUBSCRIBERS: usize = 1_000;
/// Every so many of them takes the time too; the others only count.
const SAMPLED: usize = 50;
/// How long events are published.
const LASTING: Duration = Duration::from_secs(8);
/// Events that may be under way to the slowest subscriber; the server keeps 256 for each.
const WINDOW: usize = 100;
/// Events in one post to the bare server.
const LINES: usize = 10;
/// Who publishes at once.
const WRITERS: usize = 8;

/// Measures the bare server, then PhoneHub.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let bare = Bare::start().await?;
    let limit = Crowd::gather(bare.address, "").await?.run(Source::Bare(bare.address)).await?;
    report.add(
        "limit: bare axum WebSockets, 1,000 subscribers",
        limit.per_second,
        "deliveries/s",
        Goal::None,
    );
    drop(bare);
    let world = Arc::new(World::start(1).await?);
    let crowd = Crowd::gather(world.server.address, &world.keys[0]).await?;
    let mut figures = crowd.run(Source::Messages(world)).await?;
    let goal = Goal::AtLeast(0.5 * limit.per_second);
    report.add("fan-out to 1,000 identical subscriptions", figures.per_second, "deliveries/s", goal);
    report.add("— events published", figures.events_per_second, "/s", Goal::None);
    report.add("— answer → receive, p99", figures.times.quantile_ms(0.99), "ms", Goal::AtMost(100.0));
    Ok(())
}

/// Who publishes.
#[derive(Clone)]
enum Source {
    /// Lines posted to the bare server.
    Bare(SocketAddr),
    /// `sendMessage`.
    Messages(Arc<World>),
}

/// What a run gives.
struct Figures {
    per_second: f64,
    events_per_second: f64,
    times: Times,
}

/// What subscribers and writers share.
#[derive(Default)]
struct Score {
    delivered: AtomicUsize,
    published: AtomicUsize,
    /// When each number was answered, and how long after that it came.
    clock: Mutex<(Vec<Option<Instant>>, Times)>,
}

impl Score {
    fn answered(&self, number: usize) {
        let (answered, _) = &mut *self.clock.lock().expect("no panic happens under this lock");
        if answered.len() <= number {
            answered.resize(number + 1, None);
        }
        answered[number] = Some(Instant::now());
    }

    /// An event that overtakes the writer's answer took no time.
    fn arrived(&self, number: usize) {
        let (answered, times) = &mut *self.clock.lock().expect("no panic happens under this lock");
        let at = answered.get(number).copied().flatten();
        times.add(at.map_or(Duration::ZERO, |at| at.elapsed()));
    }

    fn outstanding(&self) -> usize {
        let published = self.published.load(Ordering::Relaxed) * SUBSCRIBERS;
        published.saturating_sub(self.delivered.load(Ordering::Relaxed))
    }
}

/// Subscribers that read all the time.
struct Crowd {
    score: Arc<Score>,
    readers: Vec<JoinHandle<Outcome<()>>>,
}

impl Crowd {
    async fn gather(server: SocketAddr, key: &str) -> Outcome<Self> {
        let score = Arc::new(Score::default());
        let subscribers = subscriber::open_many(server, key, SUBSCRIBERS).await?.into_iter().enumerate();
        let read = |(place, subscriber)| tokio::spawn(read(subscriber, place % SAMPLED == 0, score.clone()));
        Ok(Self { readers: subscribers.map(read).collect(), score })
    }

    async fn run(self, source: Source) -> Outcome<Figures> {
        let begun = Instant::now();
        let write = |_| tokio::spawn(write(source.clone(), self.score.clone(), begun + LASTING));
        for writer in (0..WRITERS).map(write).collect::<Vec<_>>() {
            writer.await??;
        }
        while self.score.outstanding() > 0 {
            if begun.elapsed() > LASTING * 2 {
                return Err(format!("{} deliveries are missing", self.score.outstanding()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seconds = begun.elapsed().as_secs_f64();
        self.readers.iter().for_each(JoinHandle::abort);
        let published = self.score.published.load(Ordering::Relaxed);
        let (_, times) =
            std::mem::take(&mut *self.score.clock.lock().expect("no panic happens under this lock"));
        Ok(Figures {
            per_second: world::per_second(published * SUBSCRIBERS, seconds),
            events_per_second: world::per_second(published, seconds),
            times,
        })
    }
}

async fn read(mut subscriber: Subscriber, takes_time: bool, score: Arc<Score>) -> Outcome<()> {
    loop {
        let event = subscriber.next().await?;
        if takes_time && let Some(number) = subscriber::number_in(event) {
            score.arrived(number);
        }
        score.delivered.fetch_add(1, Ordering::Relaxed);
    }
}

async fn write(source: Source, score: Arc<Score>, until: Instant) -> Outcome<()> {
    let server = match &source {
        Source::Bare(address) => *address,
        Source::Messages(world) => world.server.address,
    };
    let mut client = Client::connect(server).await?;
    while Instant::now() < until {
        if score.outstanding() > WINDOW * SUBSCRIBERS {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        match &source {
            Source::Bare(_) => post_lines(&mut client, &score).await?,
            Source::Messages(world) => send(&mut client, world, &score).await?,
        }
    }
    Ok(())
}

async fn send(client: &mut Client, world: &World, score: &Score) -> Outcome<()> {
    let (key, number) = world.turn();
    world::accepted(&client.graphql(key, &world::send(number, When::In(3600))).await?)?;
    score.answered(number);
    score.published.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// As many events at once as keep the bare server busy, as long as PhoneHub's.
async fn post_lines(client: &mut Client, score: &Score) -> Outcome<()> {
    let line = r#"{"id":"1","type":"next","payload":{"data":{"messageStatusChanged":{"cursor":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5","node":{"id":"msg_01234567890123456789012345","status":"SCHEDULED","body":"n"}}}}}"#;
    let body = [line; LINES].join("\n");
    let post = Post { path: "/publish", content_type: "text/plain", header: "accept: */*", body: &body };
    client.post(&post).await?;
    score.published.fetch_add(LINES, Ordering::Relaxed);
    Ok(())
}

//! Redis away, hung, and back, under load, with two instances: no call and no subscription fails, events are late at
//! most, servers start without it, and it is used again afterwards.

use std::time::{Duration, Instant};

use crate::harness::{Fleet, Follower, Ledger, Load, Options, Services, TestDatabase, eventually};

/// How late an event may be: the promised second, and what a busy machine adds.
const LATE: Duration = Duration::from_secs(4);
/// How long a call may typically take whatever Redis does.
const SLOW: Duration = Duration::from_secs(1);

struct Scene {
    load: Load,
    followers: Vec<Follower>,
    fleet: Fleet,
    services: Services,
}

impl Scene {
    /// Two instances with a subscriber each and clients that send; `None` where the tests run without Redis.
    async fn set() -> Option<Self> {
        std::env::var("PHONEHUB_TEST_REDIS_URL").ok()?;
        let services = tokio::task::spawn_blocking(Services::start).await.unwrap();
        let database = TestDatabase::on(Some(services.database_url.clone())).await;
        let options =
            Options { settings: vec![("REDIS_URL", services.redis_url.clone())], ..Options::default() };
        let fleet = Fleet::start_over(database, 2, options).await;
        let followers = vec![Follower::start(&fleet, 0).await, Follower::start(&fleet, 1).await];
        let load = Load::start(&fleet, 3);
        let scene = Self { load, followers, fleet, services };
        scene.listens(2).await;
        Some(scene)
    }

    /// Waits until so many connections at Redis listen to the organisation.
    async fn listens(&self, connections: usize) {
        let client = redis::Client::open(self.services.redis_url.as_str()).unwrap();
        let channel = format!("phonehub:events:{}", self.fleet.organization.id);
        eventually("both instances listen at Redis", async || {
            let mut redis = client.get_multiplexed_async_connection().await.ok()?;
            let mut ask = redis::cmd("PUBSUB");
            let answer: (String, usize) =
                ask.arg("NUMSUB").arg(&channel).query_async(&mut redis).await.ok()?;
            (answer.1 >= connections).then_some(())
        })
        .await;
    }

    /// Nothing failed, nothing was slow, nobody had to come back, nothing came late, and nothing is missing.
    async fn assert_unharmed(mut self) {
        let mut told = self.load.finish().await;
        assert!(
            told.refused.is_empty() && told.unanswered == 0,
            "{:?}, {} unanswered",
            told.refused,
            told.unanswered
        );
        let time = told.typical_time();
        assert!(time < SLOW, "half of the calls took {time:?}");
        let ledger = Ledger::close(&self.fleet, told, &mut self.followers).await;
        ledger.assert_told();
        assert_eq!(ledger.assert_sent_once(), 0);
        for follower in &self.followers {
            assert_eq!(follower.openings(), 1, "a subscription failed");
            ledger.assert_seen(follower);
            let late = ledger.latest(follower);
            println!("{} messages, the latest event {late:?} after its answer", ledger.len());
            assert!(late < LATE, "an event came {late:?} after the answer of its call");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_redis_is_away() {
    let Some(mut scene) = Scene::set().await else { return };
    scene.load.progress(20).await;
    scene.services.stop_redis();
    let outage = Instant::now();
    scene.load.progress(20).await;
    scene.fleet.another().ready().await;
    scene.fleet.processes.pop();
    // An outage that outlasts every back-off of the connection.
    tokio::time::sleep(Duration::from_secs(12).saturating_sub(outage.elapsed())).await;
    scene.services.start_redis();
    scene.listens(2).await;
    scene.load.progress(20).await;
    scene.assert_unharmed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_redis_hangs() {
    let Some(scene) = Scene::set().await else { return };
    scene.load.progress(20).await;
    scene.services.freeze_redis();
    // Longer than its connections wait for an answer, several times.
    tokio::time::sleep(Duration::from_secs(8)).await;
    scene.services.thaw_redis();
    scene.listens(2).await;
    scene.load.progress(20).await;
    scene.assert_unharmed().await;
}

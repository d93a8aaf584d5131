//! The end of a token ends its sockets on every instance within the promised time, whether the database answers or not.

use std::time::{Duration, Instant};

use phonehub::base::{clock::Clock, ctx::Hub, tx::Tx};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Fleet, Options, Services, Subscription, TestApp, TestDatabase, eventually};

const FOLLOW: &str = "subscription { events { cursor } }";
/// The promised 5 s, and what a busy machine adds.
const PROMISED: Duration = Duration::from_secs(7);

/// Nobody can say whether a token still counts while PostgreSQL stands still. So it does not.
#[tokio::test(flavor = "multi_thread")]
async fn no_socket_outlives_a_database_that_hangs() {
    if std::env::var("PHONEHUB_TEST_DATABASE_URL").is_err() {
        return;
    }
    let services = tokio::task::spawn_blocking(Services::start).await.unwrap();
    let database = TestDatabase::on(Some(services.database_url.clone())).await;
    let settings = vec![("REDIS_URL", services.redis_url.clone())];
    let fleet = Fleet::start_over(database, 1, Options { settings, ..Options::default() }).await;
    let address = fleet.addresses()[0];
    let mut socket = Subscription::open(address, &fleet.token, FOLLOW, json!({})).await;
    socket.ready().await;
    services.freeze_postgres();
    let frozen = Instant::now();
    assert_eq!(socket.close_code().await, 1013, "worth coming again");
    let took = frozen.elapsed();
    services.thaw_postgres();
    assert!(took < PROMISED, "{took:?}");
    let mut again = eventually("the server takes subscribers again", async || {
        Subscription::try_open(address, &fleet.token, FOLLOW, json!({})).await
    })
    .await;
    again.ready().await;
}

/// The other instances need not wait for their own next look.
#[tokio::test(flavor = "multi_thread")]
async fn every_instance_hears_of_a_revocation_at_once() {
    if std::env::var("PHONEHUB_TEST_REDIS_URL").is_err() {
        return;
    }
    let services = tokio::task::spawn_blocking(Services::start).await.unwrap();
    let settings = vec![("REDIS_URL", services.redis_url.clone())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let other = Hub::open(app.hub().config.clone(), Clock::default()).await.unwrap();
    let redis = redis::Client::open(services.redis_url.as_str()).unwrap();
    eventually("both processes listen", async || {
        let mut redis = redis.get_multiplexed_async_connection().await.ok()?;
        let mut ask = redis::cmd("PUBSUB");
        let ask = ask.arg("NUMSUB").arg("phonehub:revocations");
        let answer: (String, usize) = ask.query_async(&mut redis).await.ok()?;
        // Both, and the hub that made the test's organisation.
        (answer.1 >= 2).then_some(())
    })
    .await;
    // Whoever begins to listen looks through everything once; only what comes after that is news.
    while timeout(Duration::from_secs(1), other.feeds.revocation()).await.is_ok() {}
    let tx = Tx::begin(app.hub()).await.unwrap();
    tx.revokes();
    tx.commit().await.unwrap();
    timeout(Duration::from_secs(20), other.feeds.revocation()).await.expect("the other instance is told");
}

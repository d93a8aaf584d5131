//! PostgreSQL ends and comes back under load: clients are told to come again, soon are served, and nothing is lost.

use std::time::{Duration, Instant};

use crate::harness::{Fleet, Follower, Ledger, Load, Options, Services, TestDatabase};

/// From the database's return to the next accepted message.
const RECOVERY: Duration = Duration::from_secs(5);
const RESTARTS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_to_come_again_and_nothing_is_lost() {
    let Ok(redis) = std::env::var("PHONEHUB_TEST_REDIS_URL") else { return };
    let services = tokio::task::spawn_blocking(Services::start).await.unwrap();
    let database = TestDatabase::on(Some(services.database_url.clone())).await;
    let options = Options { settings: vec![("REDIS_URL", redis)], ..Options::default() };
    let fleet = Fleet::start_over(database, 2, options).await;
    fleet.slow_carrier(Duration::from_millis(100)).await;
    let mut followers = [Follower::start(&fleet, 0).await, Follower::start(&fleet, 1).await];
    let load = Load::start(&fleet, 4);
    for _ in 0..RESTARTS {
        load.progress(30).await;
        tokio::task::block_in_place(|| services.restart_postgres());
        let back = Instant::now();
        load.progress(1).await;
        assert!(back.elapsed() < RECOVERY, "accepted again after {:?}", back.elapsed());
    }
    load.progress(30).await;
    let told = load.finish().await;
    assert_eq!(told.unanswered, 0, "every call has its answer");
    let codes: Vec<_> = told.refused.keys().map(String::as_str).collect();
    assert!(codes.iter().all(|code| *code == "UNAVAILABLE"), "{codes:?}");
    let ledger = Ledger::close(&fleet, told, &mut followers).await;
    println!("{} messages, told to come again: {:?}", ledger.len(), ledger.told.refused);
    ledger.assert_told();
    ledger.assert_sent_once();
    for follower in &followers {
        ledger.assert_seen(follower);
    }
}

//! Waiting for what no event announces.

use std::time::{Duration, Instant};

use super::app::PATIENCE;

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer; panics, saying what was waited for, when none comes in time.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

//! Lanes: whose database connections a task uses. Each lane has connections of its own, so that a backlog of work cannot
//! keep an answer waiting, and nothing can keep a revoked token alive. Which tasks run in which lane is their starter's
//! matter; what is not told runs in that of requests.

use std::future::Future;

tokio::task_local! {
    static LANE: Lane;
}

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests, webhooks and streams.
    Requests,
    /// Jobs and sweeps, which nobody waits for with a hand on the phone.
    Work,
    /// The one question whether open sockets may stay open.
    Watch,
}

/// Connections of each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Of requests: what the others leave, never less than the work's.
    pub requests: u32,
    /// Of jobs: nearly half, since hand-overs wait for the carrier and not for the database most of the time.
    pub work: u32,
    /// One.
    pub watch: u32,
}

impl Shares {
    /// Divides `connections`, of which there are 3 at least.
    pub const fn of(connections: u32) -> Self {
        let shared = connections.saturating_sub(1);
        let work = if shared < 2 { 1 } else { shared / 2 };
        let requests = shared.saturating_sub(work);
        Self { requests: if requests == 0 { 1 } else { requests }, work, watch: 1 }
    }
}

impl Lane {
    /// Runs a future in this lane. Tasks that it spawns are told anew.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        LANE.scope(self, future).await
    }

    /// The lane of the running task.
    pub fn current() -> Self {
        LANE.try_with(|lane| *lane).unwrap_or(Self::Requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_all_connections_and_requests_have_the_most() {
        for connections in 3..=100 {
            let Shares { requests, work, watch } = Shares::of(connections);
            assert_eq!(requests + work + watch, connections);
            assert!(requests >= work && work >= 1 && watch == 1, "{connections}");
        }
    }

    #[tokio::test]
    async fn a_lane_is_the_tasks_own() {
        assert_eq!(Lane::current(), Lane::Requests);
        Lane::Work
            .run(async {
                assert_eq!(Lane::current(), Lane::Work);
                let other = tokio::spawn(async { Lane::current() });
                assert_eq!(other.await.unwrap(), Lane::Requests);
            })
            .await;
        assert_eq!(Lane::current(), Lane::Requests);
    }
}

//! What a task works for, and so whose database connections it uses. Each purpose has its own, so that a backlog of work
//! cannot keep an answer waiting, and nothing can keep a revoked token alive. Whoever starts a task says what it is for;
//! what is not told works for requests.

use std::future::Future;

tokio::task_local! {
    static PURPOSE: Purpose;
}

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Requests, webhooks and streams.
    Requests,
    /// Jobs and sweeps, which nobody waits for with a hand on the phone.
    Work,
    /// The one question whether open sockets may stay open.
    Watch,
}

/// Connections of each purpose.
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

impl Purpose {
    /// Runs a future for this purpose. Tasks that it spawns are told anew.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        PURPOSE.scope(self, future).await
    }

    /// The purpose of the running task.
    pub fn current() -> Self {
        PURPOSE.try_with(|purpose| *purpose).unwrap_or(Self::Requests)
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
    async fn a_purpose_is_the_tasks_own() {
        assert_eq!(Purpose::current(), Purpose::Requests);
        Purpose::Work
            .run(async {
                assert_eq!(Purpose::current(), Purpose::Work);
                let other = tokio::spawn(async { Purpose::current() });
                assert_eq!(other.await.unwrap(), Purpose::Requests);
            })
            .await;
        assert_eq!(Purpose::current(), Purpose::Requests);
    }
}

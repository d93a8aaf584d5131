//! Several processes that start at the same moment on an empty database: one migrates, the others wait, all serve.

use futures_util::future::join_all;

use crate::harness::{Fleet, Process, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn four_starts_on_an_empty_database_all_become_ready() {
    let database = TestDatabase::new().await;
    let mut processes = Fleet::start_together(&database, 4).await;
    join_all(processes.iter_mut().map(Process::ready)).await;
}

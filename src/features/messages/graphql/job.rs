//! Queued work as admins see it: only what died is listed.

use async_graphql::Object;
use chrono::{DateTime, Utc};
use entity::{ids::JobId, job};

use crate::connection;

connection! {
    /// A page of jobs.
    pub JobConnection, JobEdge => Job, job::Entity
}

/// A piece of work that PhoneHub does by itself, such as handing over a message.
#[derive(Clone, Debug)]
pub struct Job(pub job::Model);

/// A piece of work that PhoneHub does by itself, such as handing over a message.
#[Object]
impl Job {
    /// `job_…`.
    pub async fn id(&self) -> JobId {
        self.0.id
    }

    /// What is to be done.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Id of what it is about, such as a message.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Failed tries since it was queued or redriven.
    async fn tries(&self) -> i32 {
        self.0.tries
    }

    /// What went wrong the last time.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it runs next, for one that is not dead.
    async fn run_at(&self) -> DateTime<Utc> {
        self.0.run_at
    }

    /// When it was queued.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was given up; null for one that is alive.
    async fn dead_at(&self) -> Option<DateTime<Utc>> {
        self.0.dead_at
    }
}

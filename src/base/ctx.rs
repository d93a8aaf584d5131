//! `Hub`: what a process has. `Ctx`: the same plus who calls, for one request, socket or job.

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use entity::ids::OrganizationId;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;

use super::{
    audit::Trail,
    breaker::Breakers,
    caller::{Caller, Permission},
    clock::Clock,
    db::Db,
    error::Result,
    feed::Feeds,
    http::HttpClient,
    parts::Parts,
    presence::Presence,
    secrets::Keyring,
    tx::{Tx, Writer},
};
use crate::config::{Config, KeySet};

/// Handles that live as long as the process. Built once in `app.rs`.
#[derive(Debug)]
pub struct Hub {
    /// Every setting.
    pub config: Config,
    /// The clock.
    pub clock: Clock,
    /// The truth.
    pub db: Db,
    /// The SQLite writer's lock and batch.
    pub writer: Writer,
    /// Live events.
    pub feeds: Feeds,
    /// Wakes the worker after a commit that enqueued work.
    pub worker: Arc<Notify>,
    /// Seals and opens secrets.
    pub keyring: Keyring,
    /// Signs access tokens, cursors and links.
    pub token_keys: KeySet,
    /// Which life of the event log this is: another one after a restore.
    pub log_life: String,
    /// The way to carriers.
    pub http: HttpClient,
    /// The way to media at hosts that a carrier named: public ones only, no credentials.
    pub media: HttpClient,
    /// The way to partners' webhook endpoints: public hosts over https, and this machine only by explicit setting.
    pub webhooks: HttpClient,
    /// One breaker a carrier account.
    pub breakers: Breakers,
    /// Who was answered lately.
    pub presence: Presence,
    /// What features keep for the process.
    pub parts: Parts,
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    /// In every answer and log line.
    pub request_id: Arc<str>,
    /// The client's address, as far as proxies can be trusted.
    pub ip: Option<IpAddr>,
    /// What the running mutation wrote into the audit log.
    pub trail: Trail,
}

impl RequestInfo {
    /// The same for another operation of the same connection.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { trail: Trail::default(), ..self.clone() }
    }
}

/// The context of every service function. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The process.
    pub hub: Arc<Hub>,
    /// Who calls.
    pub caller: Caller,
    /// From where.
    pub request: RequestInfo,
}

impl Ctx {
    /// The context of work that PhoneHub does for an organisation by itself.
    pub fn system(hub: Arc<Hub>, organization: OrganizationId) -> Self {
        Self { hub, caller: Caller::System(organization), request: RequestInfo::default() }
    }

    /// The context of the command line.
    pub fn administrator(hub: Arc<Hub>) -> Self {
        Self { hub, caller: Caller::Administrator, request: RequestInfo::default() }
    }

    /// Now, by the clock that tests can move.
    pub fn now(&self) -> DateTime<Utc> {
        self.hub.clock.now()
    }

    /// The connection for reading.
    pub fn db(&self) -> &DatabaseConnection {
        self.hub.db.read()
    }

    /// Opens a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(&self.hub).await
    }

    /// The caller's organisation.
    pub fn organization(&self) -> Result<OrganizationId> {
        self.caller.organization()
    }

    /// The caller's organisation, when the caller may do this.
    pub fn require(&self, permission: Permission) -> Result<OrganizationId> {
        self.caller.require(permission)
    }
}

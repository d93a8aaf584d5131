//! The audit log in the API.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    audit_entry,
    enums::{AuditActor, AuditOutcome},
    ids::{ApiKeyId, AuditEntryId, UserId},
};

use super::list::{self, Which};
use crate::{
    base::error::ErrorCode,
    connection,
    features::organizations::graphql::{User, loaders::ColleaguesById},
    graphql::{CtxExt, loader::load, page::PageArgs, scalars::Json},
};

/// Something that somebody did, or tried to do. It is written once and never changed.
pub struct AuditEvent(pub audit_entry::Model);

/// Something that somebody did, or tried to do. It is written once and never changed.
#[Object]
impl AuditEvent {
    /// Such as `aud_01j…`.
    pub async fn id(&self) -> AuditEntryId {
        self.0.id
    }

    /// What kind of caller it was.
    async fn actor(&self) -> AuditActor {
        self.0.actor
    }

    /// The person who did it; null for other callers.
    async fn user_id(&self) -> Option<UserId> {
        self.0.user_id
    }

    /// The same person, while they are a member of the organisation.
    async fn user(&self, gql: &Context<'_>) -> Result<Option<User>> {
        match self.0.user_id {
            Some(id) => Ok(load::<ColleaguesById>(gql, id).await?.map(User)),
            None => Ok(None),
        }
    }

    /// The API key that did it; null for other callers.
    async fn api_key_id(&self) -> Option<ApiKeyId> {
        self.0.api_key_id
    }

    /// The mutation's name, or what was done.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// Id of what it was done to.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Whether it was done.
    async fn outcome(&self) -> AuditOutcome {
        self.0.outcome
    }

    /// Why it was refused.
    async fn error_code(&self) -> Option<ErrorCode> {
        self.0.error_code.as_deref().and_then(ErrorCode::named)
    }

    /// Facts beside: a JSON object.
    async fn detail(&self) -> Json {
        Json(self.0.detail.clone())
    }

    /// The caller's address.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip.as_deref()
    }

    /// Finds the request in the logs.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// When.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection! {
    /// A page of the audit log.
    pub AuditEventConnection, AuditEventEdge => AuditEvent, audit_entry::Entity
}

/// Which entries of the audit log. All that is said must hold.
#[derive(Debug, Default, InputObject)]
pub struct AuditEventFilter {
    /// Done by this user (`usr_…`) or API key (`key_…`).
    pub actor: Option<ID>,
    /// With this name, such as `sendMessage`.
    pub action: Option<String>,
    /// Done to what has this id.
    pub subject: Option<ID>,
    /// At this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}

impl From<AuditEventFilter> for Which {
    fn from(filter: AuditEventFilter) -> Self {
        Self {
            actor: filter.actor.map(|id| id.0),
            action: filter.action,
            subject: filter.subject.map(|id| id.0),
            since: filter.since,
            until: filter.until,
        }
    }
}

/// Reads of the audit log.
#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The organisation's audit log, newest first. Needs ADMIN or `audit:read`. Whole: `GET /audit/export`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn audit_events(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all when nothing is said.")] filter: Option<AuditEventFilter>,
        #[graphql(desc = "Rows from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<AuditEventConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let page = list::page(gql.ctx()?, filter.unwrap_or_default().into(), args).await?;
        Ok(AuditEventConnection::new(page, AuditEvent))
    }
}

//! What operators do to organisations, and how long an organisation keeps its things.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::types::Organization;
use crate::{
    features::organizations::{
        retention::{self, Kept, SetRetentionInput, whole_days},
        suspend::{self, ResumeOrganizationInput, SuspendOrganizationInput},
    },
    graphql::CtxExt,
    payload,
};

payload! {
    /// What `suspendOrganization` answers.
    pub struct SuspendOrganizationPayload {
        /// The organisation, suspended.
        organization: Organization,
    }
}

payload! {
    /// What `resumeOrganization` answers.
    pub struct ResumeOrganizationPayload {
        /// The organisation, which may go on.
        organization: Organization,
    }
}

payload! {
    /// What `setRetention` answers.
    pub struct SetRetentionPayload {
        /// The organisation with its new periods.
        organization: Organization,
    }
}

/// How long one kind of thing is kept.
#[derive(SimpleObject)]
pub struct RetentionPeriod {
    /// Days, parts of one rounded up; null for ever.
    pub days: Option<i32>,
    /// Whether it is the installation's default, because the organisation wishes nothing else.
    pub is_default: bool,
}

/// How long an organisation's things are kept. Deletion follows within the hour.
#[derive(SimpleObject)]
pub struct Retention {
    /// Messages and all that is known of them, once nothing more can come of them.
    pub messages: RetentionPeriod,
    /// Files of messages.
    pub media: RetentionPeriod,
    /// Entries of the audit log.
    pub audit: RetentionPeriod,
    /// Events: how far back subscriptions can be resumed.
    pub events: RetentionPeriod,
}

impl Retention {
    /// Of an organisation, under these settings.
    pub fn of(row: &entity::organization::Model, config: &crate::config::Config) -> Self {
        let kept = Kept::of(row, config);
        let period = |time: Option<chrono::Duration>, wish: Option<i32>| RetentionPeriod {
            days: time.map(whole_days),
            is_default: wish.is_none(),
        };
        Self {
            messages: period(kept.messages, row.message_days),
            media: period(kept.media, row.media_days),
            audit: period(Some(kept.audit), row.audit_days),
            events: period(Some(kept.events), row.event_days),
        }
    }
}

/// Mutations about organisations as a whole.
#[derive(Default)]
pub struct GovernanceMutation;

#[Object]
impl GovernanceMutation {
    /// Stops an organisation from changing and sending anything. It still reads, and what others send to it is kept. For
    /// operators.
    async fn suspend_organization(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one, and why.")] input: SuspendOrganizationInput,
    ) -> Result<SuspendOrganizationPayload> {
        let suspended = suspend::suspend(gql.ctx()?, input).await;
        SuspendOrganizationPayload::settle(gql, suspended.map(Organization))
    }

    /// Lets a suspended organisation go on; messages that waited are handed over within a minute. For operators.
    async fn resume_organization(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ResumeOrganizationInput,
    ) -> Result<ResumeOrganizationPayload> {
        let resumed = suspend::resume(gql.ctx()?, input).await;
        ResumeOrganizationPayload::settle(gql, resumed.map(Organization))
    }

    /// Changes how long the organisation's things are kept. Needs ADMIN or `data:manage`.
    async fn set_retention(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Days for each kind; what is left out stays.")] input: SetRetentionInput,
    ) -> Result<SetRetentionPayload> {
        SetRetentionPayload::settle(gql, retention::set(gql.ctx()?, input).await.map(Organization))
    }
}

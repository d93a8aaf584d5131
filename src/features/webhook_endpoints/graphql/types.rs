//! Types of this feature: newtypes round the rows, so that only what is written here is shown.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    enums::{WebhookDeliveryStatus, WebhookDisabledReason},
    ids::{WebhookDeliveryId, WebhookEndpointId},
    webhook_attempt, webhook_delivery, webhook_endpoint, webhook_secret,
};

use crate::{
    base::error::Error,
    connection,
    features::{
        messages::graphql::EventType,
        webhook_endpoints::{
            envelope,
            find::{self, AttemptsByDelivery, EndpointsById, SecretsByEndpoint},
            input,
        },
    },
    graphql::{CtxExt, loader::load, page::PageArgs, scalars::UrlText},
};

/// An address of a partner that events are posted to, signed after the Standard Webhooks specification.
pub struct WebhookEndpoint(pub webhook_endpoint::Model);

/// An address of a partner that events are posted to, signed after the Standard Webhooks specification.
#[Object]
impl WebhookEndpoint {
    /// Such as `whe_01j…`.
    pub async fn id(&self) -> WebhookEndpointId {
        self.0.id
    }

    /// Where events are posted to.
    async fn url(&self) -> UrlText {
        UrlText(self.0.url.clone())
    }

    /// Which events.
    async fn types(&self) -> Vec<EventType> {
        input::types(&self.0.types)
    }

    /// What it is for.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Whether events are delivered.
    async fn is_enabled(&self) -> bool {
        self.0.disabled_at.is_none()
    }

    /// When it was disabled; null while it is enabled.
    async fn disabled_at(&self) -> Option<DateTime<Utc>> {
        self.0.disabled_at
    }

    /// Why it was disabled; null while it is enabled.
    async fn disabled_reason(&self) -> Option<WebhookDisabledReason> {
        self.0.disabled_reason
    }

    /// The first failed attempt since the last one that worked; null while it works. Five days later it is disabled.
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.failing_since
    }

    /// The secrets that sign deliveries now, newest first; several while one replaces another.
    async fn secrets(&self, gql: &Context<'_>) -> Result<Vec<WebhookSecret>> {
        let secrets = load::<SecretsByEndpoint>(gql, self.0.id).await?.unwrap_or_default();
        Ok(secrets.into_iter().map(WebhookSecret).collect())
    }

    /// What was and will be delivered, newest first. Finished ones are kept as long as events.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn deliveries(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookDeliveryConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let page = find::deliveries(gql.ctx()?, self.0.id, args).await?;
        Ok(WebhookDeliveryConnection::new(page, WebhookDelivery))
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When somebody last changed it.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

/// A secret that signs deliveries. It is shown once, when it is made.
pub struct WebhookSecret(webhook_secret::Model);

/// A secret that signs deliveries. It is shown once, when it is made.
#[Object]
impl WebhookSecret {
    /// Its last four characters, to recognise it by.
    async fn hint(&self) -> &str {
        &self.0.hint
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// It signs until then; null for the newest.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }
}

/// One event on its way to one endpoint.
pub struct WebhookDelivery(pub webhook_delivery::Model);

/// One event on its way to one endpoint.
#[Object]
impl WebhookDelivery {
    /// Such as `whd_01j…`.
    pub async fn id(&self) -> WebhookDeliveryId {
        self.0.id
    }

    /// Where it goes.
    async fn endpoint(&self, gql: &Context<'_>) -> Result<WebhookEndpoint> {
        let endpoint = load::<EndpointsById>(gql, self.0.endpoint_id).await?;
        Ok(WebhookEndpoint(endpoint.ok_or_else(Error::not_found)?))
    }

    /// What happened; null for a type of another version of PhoneHub.
    #[graphql(name = "type")]
    async fn kind(&self) -> Option<EventType> {
        EventType::of(&self.0.kind)
    }

    /// The header `webhook-id`: the event's own id, the same at each attempt.
    async fn webhook_id(&self) -> String {
        envelope::event_id(self.0.organization_id, self.0.position)
    }

    /// The event's place in the organisation's log.
    async fn position(&self) -> i64 {
        self.0.position
    }

    /// How far it is.
    async fn status(&self) -> WebhookDeliveryStatus {
        self.0.status
    }

    /// Every attempt that has ended, oldest first.
    async fn attempts(&self, gql: &Context<'_>) -> Result<Vec<WebhookAttempt>> {
        let attempts = load::<AttemptsByDelivery>(gql, self.0.id).await?.unwrap_or_default();
        Ok(attempts.into_iter().map(WebhookAttempt).collect())
    }

    /// Not before then; null once it is finished.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_attempt_at
    }

    /// When it was planned.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was delivered or given up.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

/// One try to deliver.
pub struct WebhookAttempt(webhook_attempt::Model);

/// One try to deliver.
#[Object]
impl WebhookAttempt {
    /// From 1.
    async fn ordinal(&self) -> i32 {
        self.0.ordinal
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// How long it took, in milliseconds.
    async fn duration_ms(&self) -> i64 {
        self.0.duration_ms
    }

    /// What the endpoint answered; null when no answer came.
    async fn http_status(&self) -> Option<i32> {
        self.0.http_status
    }

    /// Why it failed; null when it worked.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }
}

connection! {
    /// A page of the organisation's webhook endpoints.
    pub WebhookEndpointConnection, WebhookEndpointEdge => WebhookEndpoint, webhook_endpoint::Entity
}

connection! {
    /// A page of deliveries to an endpoint.
    pub WebhookDeliveryConnection, WebhookDeliveryEdge => WebhookDelivery, webhook_delivery::Entity
}

//! Changes of webhook endpoints, and what they answer.

use async_graphql::{Context, Object, Result};
use entity::ids::WebhookEndpointId;
use secrecy::ExposeSecret;

use super::types::WebhookEndpoint;
use crate::{
    features::webhook_endpoints::{
        create::{self, CreateWebhookEndpointInput},
        delete::{self, DeleteWebhookEndpointInput},
        redeliver::{self, RedeliverInput},
        rotate::{self, RotateWebhookSecretInput},
        update::{self, UpdateWebhookEndpointInput},
    },
    graphql::CtxExt,
    payload,
};

payload! {
    /// What `createWebhookEndpoint` answers.
    pub struct CreateWebhookEndpointPayload {
        /// The endpoint without its secret.
        webhook_endpoint: WebhookEndpoint,
        /// What its deliveries are signed with, `whsec_…`. It cannot be read again: store it now.
        secret: String,
    }
}

payload! {
    /// What `updateWebhookEndpoint` answers.
    pub struct UpdateWebhookEndpointPayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint,
    }
}

payload! {
    /// What `deleteWebhookEndpoint` answers.
    pub struct DeleteWebhookEndpointPayload {
        /// The id of what is gone.
        deleted_id: WebhookEndpointId,
    }
}

payload! {
    /// What `rotateWebhookSecret` answers.
    pub struct RotateWebhookSecretPayload {
        /// The endpoint with its live secrets.
        webhook_endpoint: WebhookEndpoint,
        /// The new secret, `whsec_…`. It cannot be read again: store it now.
        secret: String,
    }
}

payload! {
    /// What `redeliver` answers.
    pub struct RedeliverPayload {
        /// The endpoint that is delivered to.
        webhook_endpoint: WebhookEndpoint,
    }
}

/// Mutations of this feature.
#[derive(Default)]
pub struct WebhooksMutation;

#[Object]
impl WebhooksMutation {
    /// Makes an address that events are posted to from now on. Needs ADMIN or `webhooks:manage`.
    async fn create_webhook_endpoint(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The address and which events it gets.")] input: CreateWebhookEndpointInput,
    ) -> Result<CreateWebhookEndpointPayload> {
        let created = create::create(gql.ctx()?, input).await;
        CreateWebhookEndpointPayload::settle(
            gql,
            created.map(|(row, secret)| (WebhookEndpoint(row), secret.expose_secret().to_owned())),
        )
    }

    /// Changes an endpoint, or switches it on or off. Needs ADMIN or `webhooks:manage`.
    async fn update_webhook_endpoint(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which endpoint, and what changes.")] input: UpdateWebhookEndpointInput,
    ) -> Result<UpdateWebhookEndpointPayload> {
        UpdateWebhookEndpointPayload::settle(
            gql,
            update::update(gql.ctx()?, input).await.map(WebhookEndpoint),
        )
    }

    /// Deletes an endpoint with its deliveries. Needs ADMIN or `webhooks:manage`.
    async fn delete_webhook_endpoint(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: DeleteWebhookEndpointInput,
    ) -> Result<DeleteWebhookEndpointPayload> {
        DeleteWebhookEndpointPayload::settle(gql, delete::delete(gql.ctx()?, input.id).await)
    }

    /// Makes a new secret that signs beside the earlier ones until these end. Needs ADMIN or `webhooks:manage`.
    async fn rotate_webhook_secret(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which endpoint, and when earlier secrets end.")] input: RotateWebhookSecretInput,
    ) -> Result<RotateWebhookSecretPayload> {
        let rotated = rotate::rotate(gql.ctx()?, input).await;
        RotateWebhookSecretPayload::settle(
            gql,
            rotated.map(|(row, secret)| (WebhookEndpoint(row), secret.expose_secret().to_owned())),
        )
    }

    /// Delivers again, under the same `webhook-id`: one delivery, or everything since a time. Needs ADMIN or
    /// `webhooks:manage`.
    async fn redeliver(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "What to deliver again.")] input: RedeliverInput,
    ) -> Result<RedeliverPayload> {
        RedeliverPayload::settle(gql, redeliver::redeliver(gql.ctx()?, input).await.map(WebhookEndpoint))
    }
}

//! Queries of webhook endpoints.

use async_graphql::{Context, Object, Result};
use entity::ids::WebhookEndpointId;

use super::types::{WebhookEndpoint, WebhookEndpointConnection};
use crate::{
    features::webhook_endpoints::find,
    graphql::{CtxExt, page::PageArgs},
};

/// Queries of this feature.
#[derive(Default)]
pub struct WebhooksQuery;

#[Object]
impl WebhooksQuery {
    /// A webhook endpoint of the organisation; null when there is none of this id. Needs ADMIN or `webhooks:manage`.
    async fn webhook_endpoint(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Its id, `whe_…`.")] id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>> {
        Ok(find::endpoint(gql.ctx()?, id).await?.map(WebhookEndpoint))
    }

    /// Webhook endpoints of the organisation, newest first. Needs ADMIN or `webhooks:manage`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn webhook_endpoints(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookEndpointConnection> {
        let page = find::endpoints(gql.ctx()?, PageArgs::new(first, last, after, before)?).await?;
        Ok(WebhookEndpointConnection::new(page, WebhookEndpoint))
    }
}

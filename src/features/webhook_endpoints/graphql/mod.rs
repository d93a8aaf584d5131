//! Webhook endpoints as GraphQL shows them: parse, call a service, wrap. No rule lives here.

mod mutation;
mod query;
mod types;

pub use mutation::WebhooksMutation;
pub use query::WebhooksQuery;
pub use types::{WebhookDelivery, WebhookEndpoint};

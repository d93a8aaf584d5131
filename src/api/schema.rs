//! The merged roots of all features, and the schema built of them. No rule of a feature may live here.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, Schema};

use super::{audited::Audited, node::DoorQuery};
use crate::features::{
    audit::graphql::AuditQuery,
    carrier_configs::graphql::{CarrierConfigsMutation, CarrierConfigsQuery},
    contacts::graphql::{
        ContactsMutation, ContactsQuery, KeywordsMutation, KeywordsQuery, OptOutsMutation, OptOutsQuery,
    },
    health::graphql::HealthQuery,
    messages::graphql::{ErasureMutation, MessagesMutation, MessagesQuery, MessagesSubscription},
    numbers::graphql::NumbersQuery,
    organizations::graphql::{GovernanceMutation, OrganizationsMutation, OrganizationsQuery},
    webhook_endpoints::graphql::{WebhooksMutation, WebhooksQuery},
};

/// What can be asked. Everything is of the one organisation that the token acts in.
#[derive(MergedObject, Default)]
pub struct Query(
    DoorQuery,
    OrganizationsQuery,
    CarrierConfigsQuery,
    NumbersQuery,
    ContactsQuery,
    OptOutsQuery,
    KeywordsQuery,
    MessagesQuery,
    HealthQuery,
    WebhooksQuery,
    AuditQuery,
);

/// What can be done. Every mutation takes one input and answers with what it made, or with `userErrors`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    OrganizationsMutation,
    CarrierConfigsMutation,
    ContactsMutation,
    OptOutsMutation,
    KeywordsMutation,
    MessagesMutation,
    WebhooksMutation,
    ErasureMutation,
    GovernanceMutation,
);

/// What can be watched. Every event comes with a cursor: give it as `after` to go on behind it.
#[derive(MergedSubscription, Default)]
pub struct Subscription(MessagesSubscription);

/// The schema that the server executes.
pub type AppSchema = Schema<Query, Audited<Mutation>, Subscription>;

/// Selection sets inside one another, as async-graphql counts them. The guard refuses far less; this is its net.
const RECURSION: usize = 64;

/// Builds the schema. The limits of documents are the guard's, which stands before every execution.
pub fn build() -> AppSchema {
    Schema::build(Query::default(), Audited::default(), Subscription::default())
        .limit_recursive_depth(RECURSION)
        .disable_suggestions()
        .finish()
}

/// The schema as text: what `phonehub schema` prints and `schema.graphql` holds.
pub fn sdl() -> String {
    build().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

#[cfg(test)]
mod tests;

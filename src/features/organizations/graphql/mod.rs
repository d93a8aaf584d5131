//! Organisations as GraphQL shows them: parse, call a service, wrap. No rule lives here.

mod governance;
pub mod loaders;
mod mutation;
pub mod nodes;
mod payloads;
mod query;
mod types;

pub use governance::{
    GovernanceMutation, ResumeOrganizationPayload, Retention, RetentionPeriod, SetRetentionPayload,
    SuspendOrganizationPayload,
};
pub use mutation::OrganizationsMutation;
pub use payloads::*;
pub use query::OrganizationsQuery;
pub use types::*;

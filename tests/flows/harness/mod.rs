//! What every flow starts from: servers on port 0, a sandbox carrier, a movable clock, a database of its own.

mod app;
mod database;
mod graphql;
mod socket;

pub use app::{NUMBER, Options, SEND, TestApp};
pub use database::TestDatabase;
pub use graphql::Gql;
pub use socket::Subscription;

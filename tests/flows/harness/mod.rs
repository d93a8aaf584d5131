//! What every flow starts from: servers on port 0, a sandbox carrier, a movable clock, a database of its own.

mod app;
mod database;
mod graphql;
mod line;
mod messages;
mod patience;
mod socket;
mod statuses;
mod tenant;
mod webhook;

pub use app::{ACCOUNT, NUMBER, Options, TOKEN, TestApp};
pub use database::TestDatabase;
pub use graphql::Gql;
pub use line::Line;
pub use messages::kinds;
pub use patience::eventually;
pub use socket::Subscription;
pub use tenant::Tenant;
pub use webhook::sign;

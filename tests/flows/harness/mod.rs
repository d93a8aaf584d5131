//! What every flow starts from: servers on port 0, a sandbox carrier, a movable clock, a database of its own; or, where
//! a flow is about the death of processes, the real binary as child processes under a load that counts what it was told.

mod app;
mod database;
mod fleet;
mod follower;
mod graphql;
mod inputs;
mod ledger;
mod line;
mod load;
mod messages;
mod patience;
mod people;
mod process;
mod receiver;
mod services;
mod socket;
mod statuses;
mod tenant;
mod webhook;

pub use app::{ACCOUNT, NUMBER, Options, TOKEN, TestApp};
pub use database::TestDatabase;
pub use fleet::Fleet;
pub use follower::Follower;
pub use graphql::Gql;
pub use inputs::Types;
pub use ledger::Ledger;
pub use line::Line;
pub use load::Load;
pub use messages::kinds;
pub use patience::eventually;
pub use process::Process;
pub use receiver::{Endpoint, Hook, Receiver, Reply};
pub use services::Services;
pub use socket::Subscription;
pub use tenant::Tenant;
pub use webhook::sign;

//! What every flow starts from: servers on port 0, a sandbox carrier, a movable clock, a database of its own; or, where
//! a flow is about the death of processes, the real binary as child processes under a load that counts what it was told.

mod app;
mod database;
mod fleet;
mod follower;
mod graphql;
mod ledger;
mod load;
mod patience;
mod process;
mod services;
mod socket;

pub use app::{Options, TestApp};
pub use database::TestDatabase;
pub use fleet::Fleet;
pub use follower::Follower;
pub use graphql::Gql;
pub use ledger::Ledger;
pub use load::Load;
pub use patience::eventually;
pub use process::Process;
pub use services::Services;
pub use socket::Subscription;

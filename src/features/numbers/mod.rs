//! Numbers: the senders that an organisation has, its own and those it shares through the system config. Read only;
//! rows are written by `carrier_configs`.

mod find;
pub mod graphql;

pub use find::{NumbersById, by_address, list};

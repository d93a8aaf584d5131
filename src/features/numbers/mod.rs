//! Numbers: the senders that an organisation has, its own and those it shares through the system config. Read only;
//! rows are written by `carrier_configs`.

pub mod find;
pub mod graphql;

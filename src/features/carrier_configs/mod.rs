//! Carrier configs: an organisation's account at a carrier, or the system's, which everybody falls back on. Decides who
//! sends through what; nothing is sent here.

mod account;
pub mod check;
mod credentials;
pub mod delete;
pub mod graphql;
mod notice;
pub mod open;
mod owner;
mod plan;
pub mod prove;
pub mod query;
pub mod resolve;
pub mod rotate;
pub mod save;
pub mod seed;
pub mod senders;
pub mod test;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod webhooks;

pub use account::is_sid;

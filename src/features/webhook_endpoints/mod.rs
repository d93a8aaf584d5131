//! Outgoing webhooks: events of the log posted to partners' endpoints, signed after the Standard Webhooks specification
//! (<https://www.standardwebhooks.com>). First attempts start in order of position; what fails is retried by itself.

pub mod address;
pub mod attempt;
pub mod create;
pub mod delete;
pub mod envelope;
pub mod find;
pub mod forward;
pub mod graphql;
pub mod input;
pub mod lanes;
pub mod plan;
pub mod power;
pub mod record;
pub mod redeliver;
pub mod rotate;
pub mod schedule;
pub mod secrets;
pub mod settle;
pub mod signature;
pub mod tend;
#[cfg(test)]
mod tests;
pub mod update;

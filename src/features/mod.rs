//! One folder a feature: verbs are files, `graphql` is thin. Features may call each other without cycles.

pub mod audit;
pub mod carrier_configs;
pub mod contacts;
pub mod health;
pub mod messages;
pub mod numbers;
pub mod organizations;
#[cfg(test)]
pub mod testing;
pub mod webhook_endpoints;

//! What PhoneHub does, one folder a feature: verbs are files, `graphql.rs` is thin. Features call each other without
//! cycles; none of them speaks HTTP.

pub mod carrier_configs;
pub mod contacts;
pub mod numbers;

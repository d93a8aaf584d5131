//! PhoneHub: a self-hosted GraphQL API with subscriptions for phone numbers and messaging. One line a module; imports
//! go down only (`tests/flows/house.rs` holds them to it).

pub mod api;
pub mod app;
pub mod base;
pub mod carriers;
pub mod config;
pub mod demo;
pub mod features;
pub mod graphql;
pub mod sandbox;

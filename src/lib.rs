//! PhoneHub: one typed GraphQL schema with live subscriptions in front of phone numbers and messaging.

pub mod base;
pub mod config;

//! PhoneHub: one typed GraphQL schema with live subscriptions in front of phone numbers and messaging.

pub mod api;
pub mod base {
    pub mod error;
}
pub mod config;

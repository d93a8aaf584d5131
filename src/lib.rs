//! `PhoneHub`: a self-hosted GraphQL API with subscriptions for phone numbers and messaging.

pub mod sandbox;

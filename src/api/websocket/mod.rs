//! Subscriptions, and any other operation, over `graphql-transport-ws`: the protocol, its state machine and the
//! socket that carries it. What an operation costs is `guard`'s matter, who shares one is `shared`'s.

pub mod machine;
pub mod protocol;

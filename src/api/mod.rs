//! The door: what strangers reach first. Transport, limits and the merged roots live here; no rule of a feature.

pub mod guard;
pub mod request;
pub mod websocket;

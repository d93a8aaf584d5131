//! What every feature stands on: database, events, jobs, callers, secrets, HTTP. Knows no feature, no carrier, no API.

pub mod audit;
pub mod auth;
pub mod backup;
pub mod breaker;
pub mod bus;
pub mod caller;
pub mod clock;
pub mod ctx;
pub mod db;
pub mod error;
pub mod events;
pub mod feed;
pub mod forget;
pub mod group;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod life;
pub mod panics;
pub mod parts;
pub mod phone;
pub mod presence;
pub mod purpose;
pub mod region;
pub mod secrets;
pub mod segments;
pub mod standing;
pub mod start;
pub mod stop;
pub mod switches;
pub mod telemetry;
#[cfg(test)]
pub mod testing;
pub mod tokens;
pub mod tx;
pub mod vitals;

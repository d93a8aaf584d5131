//! What every feature stands on and what knows no feature: database, events, jobs, secrets, logs.

pub mod secrets;
pub mod telemetry;

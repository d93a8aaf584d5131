//! Messages: accepted (`send`), handed over (`deliver`, `reconcile`), tracked (`receipts`, `poll`), received (`receive`).

pub mod attempt;
pub mod cancel;
pub mod conversation;
pub mod dead_jobs;
pub mod deliver;
mod died;
pub mod erase;
pub mod graphql;
pub mod list;
pub mod live;
pub mod media;
pub mod pacing;
pub mod poll;
pub mod receipts;
pub mod receive;
pub mod recipient;
pub mod reconcile;
pub mod redact;
pub mod refused;
pub mod resolve;
pub mod send;
pub mod snapshot;
pub mod status;
pub mod sweep;
#[cfg(test)]
pub mod testing;
pub mod timeline;

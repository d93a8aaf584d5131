//! Carrier configs: an organisation's account at a carrier, or the system's, which everybody falls back on. Decides who
//! sends through what; nothing is sent here.

mod account;
mod check;
mod credentials;
mod delete;
pub mod graphql;
mod notice;
mod open;
mod owner;
mod plan;
mod query;
mod resolve;
mod rotate;
mod save;
mod seed;
mod senders;
mod test;
#[cfg(test)]
pub(crate) mod testing;
mod webhooks;

pub use check::{Problem, account as check_account};
pub use delete::delete;
pub use open::{open, webhook_tokens};
pub use query::{CarrierConfigsById, find, list, manageable, of_organization, of_system};
pub use resolve::{ConfigChoice, Route, Sender, SenderChoice, Why, resolve};
pub use rotate::reseal_credentials;
pub use save::{CarrierCredentialsInput, SaveCarrierConfigInput, save};
pub use seed::{SystemSeed, claim_system_senders, seed_system};
pub use senders::{parse_address, sender_key};
pub use test::{Check, test};
pub use webhooks::{incoming_address, status_address, status_pattern};

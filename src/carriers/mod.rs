//! The outside: one `Carrier` per account at a provider, whose abilities are slots of data. Clients here build
//! requests and parse answers as pure functions; they know no organisation, no database row and no policy.

pub mod error;
pub mod executor;
pub mod messaging;
pub mod twilio;

use std::sync::Arc;

pub use self::error::{CarrierError, ErrorKind, RetryClass};
pub use self::messaging::Messaging;

/// An account at a provider. "This one cannot" is an empty slot, which the API shows, not a method that fails.
/// Slots for numbers, lookup, pricing, voice and porting join when their features do.
#[derive(Clone)]
pub struct Carrier {
    /// The provider's name as metrics and logs use it (`twilio`).
    pub provider: &'static str,
    /// Sends and reads back messages.
    pub messaging: Option<Arc<dyn Messaging>>,
}

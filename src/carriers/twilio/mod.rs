//! Twilio: messages, webhooks and TwiML. Requests and answers are pure functions; `client.rs` alone calls out.

mod api;
mod client;
mod credentials;
mod debug;
mod decimal;
mod error;
mod inbound;
mod messages;
mod senders;
mod signature;
mod status;
pub mod twiml;
mod webhook;

pub use self::api::{BaseUrl, DEFAULT_BASE_URL, NotABaseUrl};
pub use self::client::{Outside, TwilioAccount, TwilioClient, connect};
pub use self::credentials::{AccountSid, ApiAuth, NotAnAccountSid, TwilioCredentials};
pub use self::inbound::{InboundMedia, InboundMessage, OptOutType, Place};
pub use self::status::StatusCallback;
pub use self::webhook::{Malformed, Refused, VerifiedForm, VerifiedJson, WebhookRequest};

/// The provider's name in metrics, logs and `Carrier`.
pub const PROVIDER: &str = "twilio";

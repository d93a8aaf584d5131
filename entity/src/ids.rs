//! Typed ids: a UUIDv7 inside the database, `prefix_` + Crockford base32 outside. One prefix a type.
//!
//! A wrong prefix or a malformed text cannot become an id, so a service function that takes a `MessageId` needs no check.

use std::{borrow::Cow, fmt, str::FromStr};

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value, parser::types::Field, registry::Registry,
};
use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// A text that is not an id of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {expected}… id")]
pub struct NotAnId {
    /// The prefix that was expected, with its underscore.
    pub expected: &'static str,
}

fn encode(id: Uuid) -> String {
    let mut value = id.as_u128();
    let mut text = [b'0'; LENGTH];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != LENGTH || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |value, byte| {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            Some((value << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The prefix of this type's public ids, with its underscore.
            pub const PREFIX: &'static str = concat!($prefix, "_");

            /// A new id; later ids sort after earlier ones.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(decode)
                    .map(Self)
                    .ok_or(NotAnId { expected: Self::PREFIX })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl InputType for $name {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                <ID as InputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <ID as InputType>::create_type_info(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                match value {
                    Some(Value::String(text)) => Ok(text.parse::<Self>()?),
                    other => Err(InputValueError::expected_type(other.unwrap_or_default())),
                }
            }

            fn to_value(&self) -> Value {
                Value::String(self.to_string())
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl OutputType for $name {
            fn type_name() -> Cow<'static, str> {
                <ID as OutputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <ID as OutputType>::create_type_info(registry)
            }

            async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
                Ok(InputType::to_value(self))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    OrganizationId = "org";
    /// A person who signs in.
    UserId = "usr";
    /// A user's place in one organisation.
    MembershipId = "mem";
    /// An open invitation to an organisation.
    InvitationId = "inv";
    /// One signed-in device: the family of its refresh tokens.
    SessionId = "ses";
    /// One refresh token of a session.
    RefreshTokenId = "rft";
    /// One issued password-reset link.
    PasswordResetId = "pwr";
    /// A partner's key.
    ApiKeyId = "key";
    /// An entry of the audit log.
    AuditEntryId = "aud";
    /// A carrier account's configuration.
    CarrierConfigId = "cfg";
    /// A sender: a phone number, short code or sender id of a carrier account.
    NumberId = "num";
    /// A person whom an organisation writes to.
    ContactId = "con";
    /// One phone number of a contact.
    ContactNumberId = "cnm";
    /// A thread between one of our senders and one phone.
    ConversationId = "cnv";
    /// A message, in or out.
    MessageId = "msg";
    /// One file of a message.
    MediaId = "med";
    /// One try to hand a message to a carrier.
    AttemptId = "att";
    /// One line of a message's timeline.
    TimelineEntryId = "tml";
    /// One raw delivery receipt as the carrier sent it.
    ReceiptId = "rcp";
    /// A refusal to receive messages.
    OptOutId = "opt";
    /// An organisation's own keyword.
    KeywordId = "kwd";
    /// A queued piece of work.
    JobId = "job";
    /// A partner's address that events are posted to.
    WebhookEndpointId = "whe";
    /// One event on its way to one endpoint.
    WebhookDeliveryId = "whd";
    /// One signing secret of an endpoint.
    WebhookSecretId = "whs";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_id_are_one_to_one() {
        for id in [Uuid::nil(), Uuid::max(), Uuid::now_v7()].map(MessageId) {
            assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        }
    }

    #[test]
    fn foreign_prefixes_and_overflow_are_refused() {
        let id = MessageId::new().to_string();
        assert!(id.parse::<ContactId>().is_err());
        assert!("msg_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<MessageId>().is_err());
        assert!("msg_".parse::<MessageId>().is_err());
        assert!("msg_0é000000000000000000000000".parse::<MessageId>().is_err());
    }

    #[test]
    fn later_ids_sort_later_as_text() {
        let (first, second) = (Uuid::from_u128(1 << 80), Uuid::from_u128(1 << 81));
        assert!(MessageId(first).to_string() < MessageId(second).to_string());
    }
}

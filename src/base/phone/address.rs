//! What stands in From and To: a number, a short code, or a name.

use std::fmt;

use super::{PhoneNumber, Region, mask};

/// Digits of a short code, over all countries.
const SHORT_CODE: std::ops::RangeInclusive<usize> = 3..=8;
/// Up to this many digits are never a subscriber number, so they are read as a short code first.
const SURELY_SHORT: usize = 6;
/// Characters of an alphanumeric sender id (3GPP TS 23.040, TP-OA).
const MAX_ALPHANUMERIC: usize = 11;

/// One end of a message. `Debug` masks numbers, `Display` gives what the carrier is told.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A telephone number, the only kind that can be a recipient.
    Number(PhoneNumber),
    /// A short code (`72404`), valid within one country.
    ShortCode(String),
    /// An alphanumeric sender id (`ACME`), which nobody can answer.
    Alphanumeric(String),
}

/// The input is neither a number, nor a short code, nor a sender id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a phone number, nor a short code, nor a sender id of at most 11 characters")]
pub struct NotAnAddress;

impl Address {
    /// Parses a sender as a person types it: with a letter it is a sender id, with three to six digits a short code,
    /// else a number in any writing.
    pub fn parse(input: &str, region: Region) -> Result<Self, NotAnAddress> {
        let input = input.trim();
        if is_sender_id(input) {
            return Ok(Self::Alphanumeric(input.to_owned()));
        }
        if is_short_code(input) && input.len() <= SURELY_SHORT {
            return Ok(Self::ShortCode(input.to_owned()));
        }
        match PhoneNumber::parse(input, region) {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) if is_short_code(input) => Ok(Self::ShortCode(input.to_owned())),
            Err(_) => Err(NotAnAddress),
        }
    }

    /// Takes an address that a carrier gave. Never fails: an inbound message is not lost because its sender's name
    /// breaks a rule, so whatever is neither a number nor a short code is a name.
    pub fn from_carrier(address: &str) -> Self {
        let address = address.trim();
        if let Ok(number) = PhoneNumber::parse_e164(address) {
            return Self::Number(number);
        }
        if is_short_code(address) {
            return Self::ShortCode(address.to_owned());
        }
        Self::Alphanumeric(address.to_owned())
    }

    /// The number, where this is one.
    pub fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::ShortCode(_) | Self::Alphanumeric(_) => None,
        }
    }

    /// What the carrier is told.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(number) => number.as_str(),
            Self::ShortCode(text) | Self::Alphanumeric(text) => text,
        }
    }

    /// For logs. Short codes and names belong to companies and stay readable, unless they look like a number.
    pub fn masked(&self) -> String {
        match self {
            Self::Number(number) => number.masked(),
            Self::ShortCode(code) => code.clone(),
            Self::Alphanumeric(name) if name.bytes().filter(u8::is_ascii_digit).count() > SURELY_SHORT => {
                mask(name)
            }
            Self::Alphanumeric(name) => name.clone(),
        }
    }
}

fn is_short_code(text: &str) -> bool {
    SHORT_CODE.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_sender_id(text: &str) -> bool {
    text.len() <= MAX_ALPHANUMERIC
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" +-_&".contains(&b))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

//! Phone numbers and the other addresses a message can come from: parsed once, right ever after, masked in logs.
//! The only module that knows the numbering-plan engine; nothing here knows who a number belongs to.

mod address;
mod country;
mod mask;

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber as Parsed, PhoneNumberFormat,
    ValidationError,
};
use serde::{Deserialize, Serialize};

pub use self::address::{Address, NotAnAddress};
pub use self::country::{CountryCode, NotACountry, Region};
pub use self::mask::{mask, mask_numbers_in};

/// Longer input is refused unread; a number in any common writing is far shorter.
const MAX_INPUT: usize = 64;
/// Digits of an E.164 number, country code included (ITU-T E.164 allows 15; the shortest in the plans has 6).
const DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// A telephone number in E.164 form (`+14155550123`). `Debug` masks it, `Display` shows it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Why an input is not a phone number; the words are fit for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPhoneNumber {
    /// Fewer digits than any number of that country.
    #[error("the number is too short")]
    TooShort,
    /// More digits than any number of that country.
    #[error("the number is too long")]
    TooLong,
    /// The digits after `+` begin with no country code in use.
    #[error("the country code does not exist")]
    InvalidCountryCode,
    /// Nothing that can be read as a number.
    #[error("this is not a phone number")]
    NotANumber,
    /// A text cannot reach an extension, so none is dropped silently.
    #[error("a number with an extension cannot be used here")]
    Extension,
    /// Well formed, yet no such number is assigned in that country's numbering plan.
    #[error("no such number exists in that country's numbering plan")]
    NotValid,
}

impl PhoneNumber {
    /// Parses what a person typed, in any common writing; `region` is the country assumed where the input has no
    /// country code. Held against the numbering plan, so a number that nobody can have is refused.
    pub fn parse(input: &str, region: Region) -> Result<Self, NotAPhoneNumber> {
        if input.len() > MAX_INPUT {
            return Err(NotAPhoneNumber::TooLong);
        }
        let parsed =
            PHONE_NUMBER_UTIL.parse(input, Some(region.engine())).map_err(|error| refusal(&error))?;
        if !parsed.extension().is_empty() {
            return Err(NotAPhoneNumber::Extension);
        }
        match parsed.is_possible_with_reason() {
            Err(ValidationError::TooShort) | Ok(NumberLengthType::IsPossibleLocalOnly) => {
                return Err(NotAPhoneNumber::TooShort);
            }
            Err(ValidationError::TooLong) => return Err(NotAPhoneNumber::TooLong),
            Err(ValidationError::InvalidCountryCode) => return Err(NotAPhoneNumber::InvalidCountryCode),
            Err(ValidationError::InvalidLength) => return Err(NotAPhoneNumber::NotValid),
            Ok(NumberLengthType::IsPossible) => {}
        }
        if !parsed.is_valid() {
            return Err(NotAPhoneNumber::NotValid);
        }
        Self::parse_e164(&parsed.format_as(PhoneNumberFormat::E164))
    }

    /// Takes a number that a carrier, a webhook or the database gave: `+` and digits, as they are. Not held against
    /// the numbering plan, since a carrier uses new ranges before any copy of the plan knows them.
    pub fn parse_e164(number: &str) -> Result<Self, NotAPhoneNumber> {
        let digits = number.strip_prefix('+').ok_or(NotAPhoneNumber::NotANumber)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotAPhoneNumber::NotANumber);
        }
        match digits.len() {
            n if n < *DIGITS.start() => Err(NotAPhoneNumber::TooShort),
            n if n > *DIGITS.end() => Err(NotAPhoneNumber::TooLong),
            _ if digits.starts_with('0') => Err(NotAPhoneNumber::InvalidCountryCode),
            _ => Ok(Self(number.to_owned())),
        }
    }

    /// The number in E.164 form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For logs: `+1415•••0123`.
    pub fn masked(&self) -> String {
        mask(&self.0)
    }

    /// The country whose plan the number belongs to, told apart within shared country codes (`+1`, `+7`, `+44`).
    /// `None` for numbers of no country (`+800`, satellite) and for ranges that the plan does not know.
    pub fn country(&self) -> Option<CountryCode> {
        self.parsed().and_then(|parsed| parsed.get_region_code()).and_then(CountryCode::from_engine)
    }

    fn parsed(&self) -> Option<Parsed> {
        PHONE_NUMBER_UTIL.parse(&self.0, None).ok()
    }
}

fn refusal(error: &ParseError) -> NotAPhoneNumber {
    match error {
        ParseError::InvalidCountryCode => NotAPhoneNumber::InvalidCountryCode,
        ParseError::NotANumber(_) => NotAPhoneNumber::NotANumber,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => NotAPhoneNumber::TooShort,
        ParseError::TooLongNsn => NotAPhoneNumber::TooLong,
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl FromStr for PhoneNumber {
    type Err = NotAPhoneNumber;

    fn from_str(number: &str) -> Result<Self, Self::Err> {
        Self::parse_e164(number)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotAPhoneNumber;

    fn try_from(number: String) -> Result<Self, Self::Error> {
        Self::parse_e164(&number)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests;

//! Countries as numbering plans know them.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region as EngineRegion};
use serde::{Deserialize, Serialize};

/// An ISO 3166-1 alpha-2 code of a country that has a numbering plan (`US`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode([u8; 2]);

/// The country whose way of writing is assumed where a number carries no country code.
pub type Region = CountryCode;

/// The input is no country that has a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a two-letter country code with a numbering plan")]
pub struct NotACountry;

impl CountryCode {
    /// The United States, the default where an organisation chose nothing.
    pub const US: Self = Self(*b"US");

    /// The two capital letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The calling code, without `+`: 1 for `US` and `CA` alike.
    pub fn calling_code(self) -> Option<i32> {
        PHONE_NUMBER_UTIL.get_country_code_for_region(self.engine())
    }

    pub(super) fn engine(self) -> EngineRegion {
        EngineRegion::from_code(self.as_str()).unwrap_or(EngineRegion::World)
    }

    pub(super) fn from_engine(region: EngineRegion) -> Option<Self> {
        <[u8; 2]>::try_from(region.as_region_str().as_bytes()).ok().map(Self)
    }
}

impl FromStr for CountryCode {
    type Err = NotACountry;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let region = EngineRegion::from_code(code).map_err(|_| NotACountry)?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).ok_or(NotACountry)?;
        Self::from_engine(region).ok_or(NotACountry)
    }
}

impl TryFrom<String> for CountryCode {
    type Error = NotACountry;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse()
    }
}

impl From<CountryCode> for String {
    fn from(country: CountryCode) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

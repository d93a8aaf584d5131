//! The sandbox's own time and the ways Twilio writes it. The only place here that reads the wall clock.

use chrono::{DateTime, NaiveDate, Utc};

/// The moment, as a carrier outside our process would see it.
#[expect(
    clippy::disallowed_methods,
    reason = "the emulated carrier lives in its own time, as the real one does"
)]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// RFC 2822 in GMT, as every date of API 2010-04-01 (`Thu, 24 Aug 2023 05:01:45 +0000`).
pub(super) fn rfc2822(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A date filter's value: a day, or a moment to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Day(NaiveDate),
    Moment(DateTime<Utc>),
}

impl When {
    /// Reads `YYYY-MM-DD` or ISO 8601; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day));
        }
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self::Moment(at.with_timezone(&Utc)))
    }
}

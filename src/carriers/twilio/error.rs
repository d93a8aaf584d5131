//! Twilio's error answers: `{"code", "message", "more_info", "status"}`. Pure.

use std::time::Duration;

use chrono::DateTime;
use http::header::{DATE, RETRY_AFTER};
use serde::Deserialize;

use crate::base::http::HttpResponse;
use crate::carriers::error::{CarrierError, ErrorKind};
use crate::carriers::executor::kind_of;

/// A longer wait is not believed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// Characters of the carrier's words that are kept.
const LONGEST_TEXT: usize = 500;

#[derive(Deserialize)]
struct Wire {
    code: Option<i32>,
    message: Option<String>,
}

/// Any answer that is not a readable success, as an error.
pub(super) fn parse_error(response: &HttpResponse) -> CarrierError {
    let wire = serde_json::from_slice(&response.body).unwrap_or(Wire { code: None, message: None });
    let text = wire.message.map_or_else(
        || format!("the carrier answered {} without a description", response.status.as_u16()),
        |message| message.chars().take(LONGEST_TEXT).collect(),
    );
    CarrierError {
        code: wire.code,
        http: Some(response.status.as_u16()),
        retry_after: retry_after(response),
        ..CarrierError::new(kind_of(response.status), text)
    }
}

/// A success that cannot be understood.
pub(super) fn unreadable(response: &HttpResponse) -> CarrierError {
    CarrierError {
        http: Some(response.status.as_u16()),
        ..CarrierError::new(ErrorKind::Unreadable, "the carrier's answer cannot be read")
    }
}

/// Seconds, or a date, which is measured against the carrier's own `Date` (RFC 9110, 10.2.3).
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let header = |name| response.headers.get(name)?.to_str().ok();
    let value: &str = header(RETRY_AFTER)?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let until = DateTime::parse_from_rfc2822(value).ok()?;
        let now = DateTime::parse_from_rfc2822(header(DATE)?).ok()?;
        (until - now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

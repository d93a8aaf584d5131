//! Twilio's error answers: `{"code", "message", "more_info", "status"}`. Pure.

use std::time::Duration;

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

/// As the carrier asks, within reason.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.retry_after().map(|wait| wait.min(LONGEST_WAIT))
}

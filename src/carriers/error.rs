//! What can go wrong at a carrier, what to do about it, and how to say it in words. Kinds first, then the carrier's
//! own codes: `specs/twilio_errors.json` is the table.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::base::phone::mask_numbers_in;

/// Which kind when: by what is known about the request, not by whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The carrier said no (4xx other than those below).
    Refused,
    /// 401 or 403: the credentials are wrong or not allowed this.
    Credentials,
    /// 404: no such thing at the carrier.
    NotFound,
    /// 429.
    RateLimited,
    /// Nothing was sent: name, connection or TLS failed, or the address is not allowed.
    NotSent,
    /// Nothing was sent: the account failed repeatedly and is left alone for a while.
    BreakerOpen,
    /// 5xx.
    Server,
    /// Sent, and then a time-out, a reset, or an answer that broke off.
    Interrupted,
    /// An answer that cannot be understood, a redirect included.
    Unreadable,
}

/// When the same request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetryClass {
    /// It would fail again. Also for codes of our own answers to webhooks (`-` in the table), which nobody retries.
    #[serde(alias = "-")]
    Never,
    /// One more try.
    Once,
    /// After minutes to hours.
    Later,
    /// After seconds, growing.
    Backoff,
    /// On the next day: a daily limit was reached.
    Tomorrow,
    /// After a person changed something.
    Fix,
    /// Record the opt-out; never.
    OptOut,
}

/// A failure at a carrier. `Display` and `Debug` are fit for logs: numbers in the carrier's words are masked.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct CarrierError {
    /// What is known about the request.
    pub kind: ErrorKind,
    /// The carrier's own code.
    pub code: Option<i32>,
    /// The HTTP status, where an answer came.
    pub http: Option<u16>,
    /// How long the carrier, or the breaker, asks to wait.
    pub retry_after: Option<Duration>,
    /// The carrier's words, or ours for the transport; may quote a number.
    pub text: String,
}

impl CarrierError {
    /// An error without a carrier's code.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, code: None, http: None, retry_after: None, text: text.into() }
    }

    /// When the request may be tried again, by the carrier's code, else by the rule for unknown ones. Says nothing
    /// about doubt: what may have been taken is not sent again, whatever its class.
    pub fn retry(&self) -> RetryClass {
        if let Some(known) = self.code.and_then(known) {
            return known.retry;
        }
        match self.kind {
            ErrorKind::Refused | ErrorKind::Credentials | ErrorKind::NotFound => RetryClass::Never,
            ErrorKind::RateLimited
            | ErrorKind::NotSent
            | ErrorKind::BreakerOpen
            | ErrorKind::Server
            | ErrorKind::Interrupted
            | ErrorKind::Unreadable => RetryClass::Backoff,
        }
    }

    /// What happened, in words for people; falls back to the carrier's own.
    pub fn explanation(&self) -> &str {
        self.code.and_then(explain).unwrap_or(&self.text)
    }
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.http) {
            (Some(code), _) => write!(f, "carrier error {code}: ")?,
            (None, Some(http)) => write!(f, "carrier answered {http}: ")?,
            (None, None) => {}
        }
        f.write_str(&mask_numbers_in(&self.text))
    }
}

impl fmt::Debug for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.kind)
    }
}

/// What a carrier's code means, in words for people; `None` for a code that is not in the table.
pub fn explain(code: i32) -> Option<&'static str> {
    known(code).map(|known| known.meaning.as_str())
}

/// When a message that was taken and then failed with this code may be sent anew; unknown codes never.
pub fn retry_after_delivery_failure(code: Option<i32>) -> RetryClass {
    code.and_then(known).map_or(RetryClass::Never, |known| known.retry)
}

#[derive(Deserialize)]
struct Table {
    codes: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    code: i32,
    retry: RetryClass,
    meaning: String,
}

fn known(code: i32) -> Option<&'static Known> {
    static TABLE: LazyLock<HashMap<i32, Known>> = LazyLock::new(|| {
        let table: Table = serde_json::from_str(include_str!("../../specs/twilio_errors.json"))
            .expect("the table is part of the program and a test reads it");
        table.codes.into_iter().map(|known| (known.code, known)).collect()
    });
    TABLE.get(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<serde_json::Value> {
        let table: serde_json::Value =
            serde_json::from_str(include_str!("../../specs/twilio_errors.json")).expect("valid JSON");
        table["codes"].as_array().expect("a list").clone()
    }

    fn with_code(code: i32) -> CarrierError {
        CarrierError { code: Some(code), ..CarrierError::new(ErrorKind::Refused, "The carrier's words") }
    }

    #[test]
    fn every_code_of_the_table_has_its_class_and_its_words() {
        let rows = table();
        assert_eq!(rows.len(), 99);
        for row in &rows {
            let code = i32::try_from(row["code"].as_i64().expect("a number")).expect("small");
            let expected = match row["retry"].as_str().expect("a word") {
                "never" | "-" => RetryClass::Never,
                "once" => RetryClass::Once,
                "later" => RetryClass::Later,
                "backoff" => RetryClass::Backoff,
                "tomorrow" => RetryClass::Tomorrow,
                "fix" => RetryClass::Fix,
                "optout" => RetryClass::OptOut,
                other => panic!("{code}: {other}"),
            };
            assert_eq!(with_code(code).retry(), expected, "{code}");
            assert_eq!(retry_after_delivery_failure(Some(code)), expected, "{code}");
            assert_eq!(explain(code), row["meaning"].as_str(), "{code}");
        }
    }

    #[test]
    fn unknown_codes_follow_the_rule() {
        for (kind, expected) in [
            (ErrorKind::Refused, RetryClass::Never),
            (ErrorKind::RateLimited, RetryClass::Backoff),
            (ErrorKind::Server, RetryClass::Backoff),
            (ErrorKind::NotSent, RetryClass::Backoff),
        ] {
            let error = CarrierError { code: Some(99_999), ..CarrierError::new(kind, "Strange") };
            assert_eq!(error.retry(), expected, "{kind:?}");
            assert_eq!(error.explanation(), "Strange");
        }
        assert_eq!(retry_after_delivery_failure(Some(99_999)), RetryClass::Never);
        assert_eq!(retry_after_delivery_failure(None), RetryClass::Never);
    }

    #[test]
    fn logs_show_no_number() {
        let error = CarrierError {
            code: Some(21_211),
            ..CarrierError::new(
                ErrorKind::Refused,
                "The 'To' number +14155550123 is not a valid phone number.",
            )
        };
        let logged = format!("{error} {error:?}");
        assert!(logged.contains("21211") && logged.contains("+1415•••0123"), "{logged}");
        assert!(!logged.contains("4155550123"), "{logged}");
    }
}

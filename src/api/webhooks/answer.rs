//! What carriers are answered, and how it is counted.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::{
    base::{
        error::{Error, ErrorCode},
        telemetry::names,
    },
    carriers::twilio::{Malformed, twiml},
};

/// What became of a webhook that was believed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A message was stored; perhaps it is answered.
    Message(Option<String>),
    /// The message was known.
    Duplicate,
    /// A receipt told its message.
    Stored,
    /// A receipt waits for its message.
    Parked,
}

/// Why nothing was stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// Not signed by the config's account; the reason is for metrics and logs alone.
    NotBelieved(&'static str),
    /// Larger than webhooks are.
    TooLarge,
    /// Its body did not come in time.
    TooSlow,
    /// Signed, yet it lacks what its kind must have.
    Malformed,
    /// We are in trouble.
    Trouble {
        /// It may pass by itself.
        passing: bool,
    },
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        tracing::warn!(field = malformed.field, "a signed webhook lacks a parameter");
        Self::Malformed
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let passing = error.code == ErrorCode::Unavailable;
        if passing {
            tracing::warn!(%error, "a webhook could not be stored for now");
        } else {
            tracing::error!(%error, "a webhook could not be stored");
        }
        Self::Trouble { passing }
    }
}

impl Outcome {
    const fn label(&self) -> &'static str {
        match self {
            Self::Message(_) | Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
        }
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let xml = match self {
            Self::Message(Some(reply)) => twiml::replies(&[&reply]),
            Self::Message(None) | Self::Duplicate => twiml::empty(),
            Self::Stored | Self::Parked => return StatusCode::NO_CONTENT.into_response(),
        };
        ([(CONTENT_TYPE, HeaderValue::from_static(twiml::CONTENT_TYPE))], xml).into_response()
    }
}

impl Refusal {
    const fn label(self) -> &'static str {
        match self {
            Self::NotBelieved(_) | Self::TooLarge | Self::TooSlow | Self::Malformed => "refused",
            Self::Trouble { .. } => "failed",
        }
    }

    /// The word of `phonehub_webhook_refusals_total`, for what may be an attack or a wrong configuration.
    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::NotBelieved(reason) => Some(reason),
            Self::TooLarge => Some("too_large"),
            Self::TooSlow => Some("too_slow"),
            Self::Malformed => Some("malformed"),
            Self::Trouble { .. } => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotBelieved(_) => (StatusCode::FORBIDDEN, "The webhook is not signed for this address.\n"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The webhook is too large.\n"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The webhook did not come in time.\n"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "The webhook lacks a parameter.\n"),
            Self::Trouble { .. } => {
                let body = "The webhook could not be stored. Try again.\n";
                return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], body).into_response();
            }
        }
        .into_response()
    }
}

/// Counts what became of a webhook, and answers.
pub(super) fn count(route: &'static str, result: Result<Outcome, Refusal>) -> Response {
    let label = result.as_ref().map_or_else(|refusal| refusal.label(), Outcome::label);
    metrics::counter!(names::WEBHOOKS, "route" => route, "outcome" => label).increment(1);
    match result {
        Ok(outcome) => outcome.into_response(),
        Err(refusal) => {
            if let Some(reason) = refusal.reason() {
                metrics::counter!(names::WEBHOOK_REFUSALS, "reason" => reason).increment(1);
            }
            refusal.into_response()
        }
    }
}

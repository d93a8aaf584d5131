//! The one place where a carrier is called: breaker, HTTP, metrics, one log line. It knows no carrier's format.

use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::error::{CarrierError, ErrorKind};
use crate::base::breaker::{Breaker, Change};
use crate::base::http::{HttpClient, HttpError, HttpRequest, HttpResponse, redacted};
use crate::base::telemetry::names;

/// Calls one account at one provider; the breaker is the account's own, the connections are shared.
#[derive(Debug)]
pub struct Executor {
    provider: &'static str,
    http: HttpClient,
    breaker: Arc<Breaker>,
}

/// Why no answer can be read.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The carrier cannot have acted, or refused: nothing was sent, or a 4xx came with an unreadable body.
    Definite(CarrierError),
    /// The carrier may have acted.
    InDoubt(CarrierError),
}

impl Failure {
    /// The error, for requests that change nothing, where doubt does not matter.
    pub fn into_error(self) -> CarrierError {
        match self {
            Self::Definite(error) | Self::InDoubt(error) => error,
        }
    }
}

impl Executor {
    /// `provider` labels metrics and logs.
    pub fn new(provider: &'static str, http: HttpClient, breaker: Arc<Breaker>) -> Self {
        let executor = Self { provider, http, breaker };
        executor.open_breakers().increment(0.0);
        executor
    }

    /// Whether the account is being called at all; for health pages.
    pub fn is_available(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Sends a request once. Any status is an answer; what it means is the client's to say. `operation` labels the
    /// metrics (`send_message`).
    pub async fn call(
        &self,
        operation: &'static str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        let started = Instant::now();
        let answer = match self.breaker.admit(started) {
            Ok(admission) => {
                let answer = self.http.send(request).await;
                match self.breaker.record(admission, is_healthy(&answer), Instant::now()) {
                    Some(Change::Opened) => self.open_breakers().increment(1.0),
                    Some(Change::Closed) => self.open_breakers().decrement(1.0),
                    None => {}
                }
                answer.map_err(failure)
            }
            Err(open) => Err(Failure::Definite(CarrierError {
                retry_after: Some(open.retry_after),
                ..CarrierError::new(ErrorKind::BreakerOpen, open.to_string())
            })),
        };
        self.observe(operation, request, &answer, started);
        answer
    }

    fn open_breakers(&self) -> metrics::Gauge {
        metrics::gauge!(names::CARRIER_BREAKERS_OPEN, "provider" => self.provider)
    }

    fn observe(
        &self,
        operation: &'static str,
        request: &HttpRequest,
        answer: &Result<HttpResponse, Failure>,
        started: Instant,
    ) {
        let outcome = outcome(answer);
        let provider = self.provider;
        let seconds = started.elapsed().as_secs_f64();
        let labels = [("provider", provider), ("operation", operation), ("outcome", outcome)];
        metrics::histogram!(names::CARRIER_REQUEST_SECONDS, &labels).record(seconds);
        if outcome != "ok" {
            let labels = [("provider", provider), ("operation", operation), ("outcome", outcome)];
            metrics::counter!(names::CARRIER_ERRORS, &labels).increment(1);
        }
        let status = answer.as_ref().ok().map(|response| response.status.as_u16());
        tracing::debug!(
            provider,
            operation,
            outcome,
            status,
            seconds,
            url = redacted(&request.url),
            "carrier called"
        );
    }
}

/// A service that answers is healthy, even when it refuses; 429 is flow control, not failure.
fn is_healthy(answer: &Result<HttpResponse, HttpError>) -> bool {
    match answer {
        Ok(response) => !response.status.is_server_error(),
        Err(HttpError::InDoubt { status: Some(status), .. }) => status.is_client_error(),
        Err(HttpError::NotSent { .. } | HttpError::InDoubt { status: None, .. }) => false,
    }
}

pub(super) fn failure(error: HttpError) -> Failure {
    match error {
        HttpError::NotSent { reason } => Failure::Definite(CarrierError::new(ErrorKind::NotSent, reason)),
        HttpError::InDoubt { status: Some(status), reason } if status.is_client_error() => {
            Failure::Definite(CarrierError {
                http: Some(status.as_u16()),
                ..CarrierError::new(kind_of(status), reason)
            })
        }
        HttpError::InDoubt { status, reason } => Failure::InDoubt(CarrierError {
            http: status.map(|status| status.as_u16()),
            ..CarrierError::new(ErrorKind::Interrupted, reason)
        }),
    }
}

/// The kind of error that a status by itself tells; a success that cannot be understood is `Unreadable`.
pub fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Credentials,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        status if status.is_client_error() => ErrorKind::Refused,
        status if status.is_server_error() => ErrorKind::Server,
        _ => ErrorKind::Unreadable,
    }
}

fn outcome(answer: &Result<HttpResponse, Failure>) -> &'static str {
    match answer {
        Ok(response) if response.status == StatusCode::TOO_MANY_REQUESTS => "rate_limited",
        Ok(response) if response.status.is_client_error() => "refused",
        Ok(response) if response.status.is_server_error() => "server_error",
        Ok(_) => "ok",
        Err(Failure::Definite(error)) if error.kind == ErrorKind::BreakerOpen => "breaker_open",
        Err(Failure::Definite(error)) if error.kind == ErrorKind::NotSent => "not_sent",
        Err(Failure::Definite(_)) => "refused",
        Err(Failure::InDoubt(_)) => "in_doubt",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn answered(status: u16) -> HttpResponse {
        let status = StatusCode::from_u16(status).expect("a status");
        HttpResponse { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn broken(status: Option<u16>) -> Result<HttpResponse, HttpError> {
        let status = status.map(|status| StatusCode::from_u16(status).expect("a status"));
        Err(HttpError::InDoubt { status, reason: "reset".to_owned() })
    }

    #[test]
    fn each_ending_has_its_health_and_its_label() {
        let unsent = Err(HttpError::NotSent { reason: "refused".to_owned() });
        for (answer, healthy, label) in [
            (Ok(answered(201)), true, "ok"),
            (Ok(answered(400)), true, "refused"),
            (Ok(answered(429)), true, "rate_limited"),
            (Ok(answered(503)), false, "server_error"),
            (broken(Some(400)), true, "refused"),
            (broken(Some(201)), false, "in_doubt"),
            (broken(None), false, "in_doubt"),
            (unsent, false, "not_sent"),
        ] {
            assert_eq!(is_healthy(&answer), healthy, "{answer:?}");
            assert_eq!(outcome(&answer.map_err(failure)), label);
        }
    }

    #[test]
    fn a_status_tells_its_kind() {
        for (status, kind) in [
            (401, ErrorKind::Credentials),
            (403, ErrorKind::Credentials),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Refused),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (302, ErrorKind::Unreadable),
            (200, ErrorKind::Unreadable),
        ] {
            assert_eq!(kind_of(StatusCode::from_u16(status).expect("a status")), kind, "{status}");
        }
    }
}

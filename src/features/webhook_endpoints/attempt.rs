//! One attempt: a signed POST and what came of it. Writes nothing down.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use entity::webhook_delivery;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use url::Url;

use super::{envelope, signature, signature::SigningKey};
use crate::base::{
    ctx::Hub,
    error::{Error, Result},
    http::{HttpError, HttpRequest, RawBody},
};

/// Where and how to deliver.
#[derive(Clone, Debug)]
pub struct Target {
    /// The endpoint's address.
    pub url: Url,
    /// The live secrets, newest first.
    pub keys: Arc<[SigningKey]>,
}

/// A finished attempt.
#[derive(Debug)]
pub struct Made {
    /// What was to be delivered, as it was before.
    pub delivery: webhook_delivery::Model,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// What came of it.
    pub answer: Answer,
}

/// What the endpoint said.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its status; `None` when there was no answer.
    pub status: Option<StatusCode>,
    /// Why there was none, or it broke off.
    pub trouble: Option<String>,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Any 2xx. A redirect is none: it could lead anywhere.
    pub fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    /// 410: the endpoint wants nothing any more.
    pub fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE)
    }

    /// Why it failed, in words; `None` when it worked.
    pub fn error(&self) -> Option<String> {
        if self.is_delivered() {
            return None;
        }
        let trouble = self.trouble.clone();
        Some(trouble.or_else(|| Some(self.status?.to_string())).unwrap_or_default())
    }
}

/// Posts a delivery once and waits for the answer. It counts as begun from `started_at` on.
pub async fn make(
    hub: Arc<Hub>,
    target: Target,
    delivery: webhook_delivery::Model,
    started_at: DateTime<Utc>,
) -> Made {
    let begun = Instant::now();
    let answer = match request(target, &delivery, started_at.timestamp()) {
        Ok(request) => answer(hub.webhooks.send(&request).await),
        Err(error) => Answer { trouble: Some(error.message.into_owned()), ..Answer::default() },
    };
    Made { delivery, started_at, took: begun.elapsed(), answer }
}

fn request(target: Target, delivery: &webhook_delivery::Model, timestamp: i64) -> Result<HttpRequest> {
    let id = envelope::event_id(delivery.organization_id, delivery.position);
    let signatures = signature::header(&target.keys, &id, timestamp, &delivery.body);
    let text = |text: String| HeaderValue::from_str(&text).map_err(Error::internal);
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("webhook-id"), text(id)?),
        (HeaderName::from_static("webhook-timestamp"), timestamp.into()),
        (HeaderName::from_static("webhook-signature"), text(signatures)?),
    ]);
    let bytes = Bytes::copy_from_slice(delivery.body.as_bytes());
    Ok(HttpRequest::post_raw(target.url, RawBody { headers, bytes }))
}

fn answer(sent: Result<crate::base::http::HttpResponse, HttpError>) -> Answer {
    match sent {
        Ok(response) => {
            Answer { status: Some(response.status), retry_after: response.retry_after(), trouble: None }
        }
        Err(HttpError::NotSent { reason }) => Answer { trouble: Some(reason), ..Answer::default() },
        Err(HttpError::InDoubt { status, reason }) => {
            Answer { status, trouble: Some(reason), ..Answer::default() }
        }
    }
}

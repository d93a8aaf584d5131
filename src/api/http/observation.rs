//! What every route has in common: a request id in and out, counters, and headers that cost nothing.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::X_CONTENT_TYPE_OPTIONS;
use tracing::Instrument as _;

use crate::api::client::{self, REQUEST_ID};
use crate::base::ctx::Hub;
use crate::base::telemetry::{self, names};

/// Middleware for the whole router: puts [`crate::base::ctx::RequestInfo`] into the request's extensions, its id
/// into the response, and counts.
pub async fn observe(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let info = client::request_info(request.headers(), request.extensions(), &hub.config.door.proxies);
    let request_id = info.request_id.clone();
    let route =
        request.extensions().get::<MatchedPath>().map_or("unmatched".into(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(info);
    let mut response = next.run(request).instrument(telemetry::span_of_request(&request_id)).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16();
    let took = started.elapsed();
    tracing::debug!(%request_id, route, status, ?took, "answered");
    metrics::counter!(names::HTTP_REQUESTS, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!(names::HTTP_REQUEST_SECONDS, "route" => route).record(took.as_secs_f64());
    response
}

//! `GET /audit/export`: the organisation's audit log as JSON lines, for those who keep a copy elsewhere. Ask with `since`
//! the time of the last line that you have.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
};
use serde::Deserialize;

use super::{errors::Stamp, http as door};
use crate::{
    base::{
        ctx::{Hub, RequestInfo},
        error::{Error, ErrorCode, Result},
    },
    features::audit::export,
};

/// Objects with a line break behind each (<https://github.com/ndjson/ndjson-spec>).
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The route. Wrap it in [`door::observe`], which knows where a request came from.
pub fn routes(hub: Arc<Hub>) -> Router {
    Router::new().route("/audit/export", get(export)).with_state(hub)
}

#[derive(Deserialize)]
struct Wanted {
    since: Option<DateTime<Utc>>,
}

async fn export(
    State(hub): State<Arc<Hub>>,
    Extension(info): Extension<RequestInfo>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let stamp = Stamp { request_id: info.request_id.clone(), now: hub.clock.now(), most_errors: 1 };
    match body(&hub, info, &headers, wanted).await {
        Ok(body) => answer(body),
        Err(error) => refuse(&error, &stamp),
    }
}

/// The shape of errors is GraphQL's, the status is plain HTTP's.
fn refuse(error: &Error, stamp: &Stamp) -> Response {
    let mut response = door::refuse(error, stamp);
    *response.status_mut() =
        StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

async fn body(
    hub: &Arc<Hub>,
    info: RequestInfo,
    headers: &HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Body> {
    let ctx = door::authenticate(hub, headers, info.anew()).await?;
    let text = "`since` is a time such as 2026-11-20T12:00:00Z.";
    let Query(wanted) = wanted.map_err(|_| Error::new(ErrorCode::BadUserInput, text))?;
    Ok(Body::from_stream(export::of_organization(&ctx, wanted.since).await?))
}

fn answer(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, LINES);
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.jsonl\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

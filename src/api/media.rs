//! `GET /media/{id}`: inbound files behind our own signed, expiring links. What strangers sent is never run by a browser:
//! known pictures, sounds and films are shown, everything else is a download.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use entity::ids::MediaId;
use http::{
    HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::Deserialize;

use crate::{
    base::{
        ctx::Hub,
        error::{Error, ErrorCode},
    },
    carriers::messaging::Media,
    features::messages::media::{self, Pass},
};

/// Types that a browser shows without running anything: what MMS carries (3GPP TS 26.140), without SVG and HTML.
const SHOWN: [&str; 18] = [
    "audio/3gpp",
    "audio/aac",
    "audio/amr",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/3gpp",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
];
const DOWNLOAD: &str = "application/octet-stream";

/// The route.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new().route("/media/{id}", get(show)).with_state(hub)
}

/// The signed part of a link.
#[derive(Deserialize)]
struct Signed {
    expires: i64,
    signature: String,
}

async fn show(
    State(hub): State<Arc<Hub>>,
    Path(id): Path<String>,
    signed: Result<Query<Signed>, QueryRejection>,
) -> Response {
    let pass = id
        .parse::<MediaId>()
        .ok()
        .zip(signed.ok())
        .and_then(|(id, Query(signed))| Pass::check(&hub, id, signed.expires, &signed.signature));
    let Some(pass) = pass else {
        return (StatusCode::FORBIDDEN, "This link is not valid, or expired.\n").into_response();
    };
    match media::fetch(&hub, pass).await {
        Ok(file) => answer(file, pass.left(&hub)),
        Err(error) => refuse(&error),
    }
}

fn answer(file: Media, left: chrono::Duration) -> Response {
    let shown = shown(&file.content_type);
    let disposition = if shown == DOWNLOAD { "attachment" } else { "inline" };
    let cache = format!("private, max-age={}", left.num_seconds().max(0));
    let mut response = file.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(shown));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if let Ok(cache) = HeaderValue::from_str(&cache) {
        headers.insert(CACHE_CONTROL, cache);
    }
    response
}

/// The type to answer with: the carrier's where it is a known one.
fn shown(content_type: &str) -> &'static str {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    SHOWN.into_iter().find(|known| known.eq_ignore_ascii_case(essence)).unwrap_or(DOWNLOAD)
}

fn refuse(error: &Error) -> Response {
    if error.code != ErrorCode::NotFound {
        tracing::warn!(%error, "a file could not be fetched");
    }
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, format!("{}\n", error.message)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_runs_is_shown() {
        assert_eq!(shown("image/JPEG"), "image/jpeg");
        assert_eq!(shown("image/png; charset=binary"), "image/png");
        for hostile in
            ["text/html", "image/svg+xml", "application/xhtml+xml", "", "image/jpeg,text/html", "image"]
        {
            assert_eq!(shown(hostile), DOWNLOAD, "{hostile}");
        }
    }

    #[test]
    fn files_are_sealed_off() {
        let file = Media { content_type: "text/html".into(), bytes: "<script>".into() };
        let response = answer(file, chrono::Duration::seconds(30));
        let header = |name: http::HeaderName| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(CONTENT_TYPE), DOWNLOAD);
        assert_eq!(header(CONTENT_DISPOSITION), "attachment");
        assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header(CONTENT_SECURITY_POLICY), "default-src 'none'; sandbox");
        assert_eq!(header(CACHE_CONTROL), "private, max-age=30");
    }
}

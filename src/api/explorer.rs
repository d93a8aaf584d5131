//! The explorer page: GraphiQL with a token field, examples and live subscriptions, from the binary alone, so that it
//! works without internet. `scripts/build-explorer.sh` makes the assets.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::client::is_loopback_host;

/// Only what this server sends runs; nothing is loaded from, or sent to, anywhere else. The editor sets styles of its
/// own at run time, hence `unsafe-inline` for styles alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
     img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const PAGE: &str = include_str!("explorer/assets/index.html");
const SETTINGS: &str = "{{settings}}";

struct Asset {
    content_type: HeaderValue,
    plain: &'static [u8],
    compressed: &'static [u8],
    etag: HeaderValue,
}

impl Asset {
    fn new(content_type: &'static str, plain: &'static [u8], compressed: &'static [u8]) -> Self {
        Self { content_type: HeaderValue::from_static(content_type), plain, compressed, etag: etag(plain) }
    }
}

struct Explorer {
    demo_token: Option<SecretString>,
    script: Asset,
    style: Asset,
}

/// The page at `/` and its two files. In a demo it opens with `demo_token` filled in, on this machine only.
pub fn routes(demo_token: Option<SecretString>) -> Router {
    let explorer = Explorer {
        demo_token,
        script: Asset::new(
            "text/javascript; charset=utf-8",
            include_bytes!("explorer/assets/explorer.js"),
            include_bytes!("explorer/assets/explorer.js.gz"),
        ),
        style: Asset::new(
            "text/css; charset=utf-8",
            include_bytes!("explorer/assets/explorer.css"),
            include_bytes!("explorer/assets/explorer.css.gz"),
        ),
    };
    Router::new()
        .route("/", get(page))
        .route("/explorer.js", get(script))
        .route("/explorer.css", get(style))
        .with_state(Arc::new(explorer))
}

async fn page(State(explorer): State<Arc<Explorer>>, headers: HeaderMap) -> Response {
    let token = explorer.demo_token.as_ref().filter(|_| is_loopback_host(&headers));
    let settings = json!({ "token": token.map(ExposeSecret::expose_secret) }).to_string();
    let page = PAGE.replace(SETTINGS, &settings.replace('<', "\\u003c"));
    let mut response = Response::new(page.into());
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    own.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own.insert(CONTENT_SECURITY_POLICY, POLICY);
    own.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    own.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

async fn script(State(explorer): State<Arc<Explorer>>, headers: HeaderMap) -> Response {
    serve(&explorer.script, &headers)
}

async fn style(State(explorer): State<Arc<Explorer>>, headers: HeaderMap) -> Response {
    serve(&explorer.style, &headers)
}

fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| *known == asset.etag);
    let takes_gzip =
        headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|encodings| {
            encodings
                .split(',')
                .any(|encoding| encoding.split(';').next().is_some_and(|name| name.trim() == "gzip"))
        });
    let mut response = match (is_known, takes_gzip) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, true) => asset.compressed.into_response(),
        (false, false) => asset.plain.into_response(),
    };
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, asset.content_type.clone());
    own.insert(ETAG, asset.etag.clone());
    own.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    own.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if takes_gzip && !is_known {
        own.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Weak, since the compressed form has the same one.
fn etag(content: &[u8]) -> HeaderValue {
    let digest = hex::encode(&digest(&SHA256, content).as_ref()[..8]);
    HeaderValue::from_str(&format!("W/\"{digest}\"")).expect("hexadecimal digits are legal in a header")
}

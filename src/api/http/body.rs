//! From a request's body to GraphQL requests: only JSON, only so many bytes, only so many at once.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::timeout;

use crate::api::request::GraphqlRequest;
use crate::base::error::{Error, ErrorCode, Result};

/// A body that trickles in slower holds a connection for nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// One request or several.
#[derive(Debug)]
pub enum Wires {
    /// A JSON object.
    One(Box<GraphqlRequest>),
    /// A JSON array of them.
    Batch(Vec<GraphqlRequest>),
}

/// Reads a JSON body of at most `most` bytes. `UNSUPPORTED_MEDIA_TYPE` for anything else, also for none: a page of
/// another origin can send forms and plain text without asking, but not JSON.
pub async fn read_json(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes> {
    if !is_json(headers) {
        let message = "Send Content-Type: application/json, in UTF-8 and not compressed.";
        return Err(Error::new(ErrorCode::UnsupportedMediaType, message));
    }
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    match timeout(READ_TIMEOUT, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(most)),
        Ok(Err(_)) => Err(Error::new(ErrorCode::BadRequest, "The body ended too early.")),
        Err(_) => Err(Error::new(ErrorCode::BadRequest, "The body took too long.")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_json && is_utf8 && !headers.contains_key(CONTENT_ENCODING)
}

fn too_large(most: usize) -> Error {
    Error::new(ErrorCode::PayloadTooLarge, format!("The body is larger than {most} bytes."))
}

/// Parses a body; a batch may hold `most` requests.
pub fn parse(body: &[u8], most: usize) -> Result<Wires> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {
            serde_json::from_slice(body).map(|wire| Wires::One(Box::new(wire))).map_err(|_| malformed())
        }
        Some(b'[') => {
            let items: Vec<Value> = serde_json::from_slice(body).map_err(|_| malformed())?;
            if items.len() > most {
                let message = format!("A batch holds at most {most} requests.");
                return Err(Error::new(ErrorCode::BadRequest, message));
            }
            if items.is_empty() {
                return Err(malformed());
            }
            items
                .into_iter()
                .map(|item| GraphqlRequest::from_json(item).ok_or_else(malformed))
                .collect::<Result<_>>()
                .map(Wires::Batch)
        }
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    let message = "The body is not a GraphQL request: a JSON object with `query`, and `variables`, `operationName` \
                   and `extensions` of the right types.";
    Error::new(ErrorCode::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn typed(content_type: &'static str) -> HeaderMap {
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().collect()
    }

    async fn read(headers: &HeaderMap, body: &'static str) -> Result<Bytes, ErrorCode> {
        read_json(headers, Body::from(body), 8).await.map_err(|error| error.code)
    }

    #[tokio::test]
    async fn only_json_is_read() {
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json; charset=\"utf-8\""]
        {
            assert!(read(&typed(good), "{}").await.is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""]
        {
            assert_eq!(read(&typed(bad), "{}").await, Err(ErrorCode::UnsupportedMediaType), "{bad}");
        }
        assert_eq!(read(&HeaderMap::new(), "{}").await, Err(ErrorCode::UnsupportedMediaType));
    }

    #[tokio::test]
    async fn bodies_are_bounded_announced_or_not() {
        let json = typed("application/json");
        assert!(read(&json, "12345678").await.is_ok());
        assert_eq!(read(&json, "123456789").await, Err(ErrorCode::PayloadTooLarge));
        let mut announced = json.clone();
        announced.insert(CONTENT_LENGTH, HeaderValue::from_static("300000000"));
        assert_eq!(read(&announced, "").await, Err(ErrorCode::PayloadTooLarge));
    }

    #[test]
    fn one_or_a_bounded_batch() {
        assert!(matches!(parse(br#" {"query":"{a}"}"#, 2), Ok(Wires::One(_))));
        assert!(
            matches!(parse(br#"[{"query":"{a}"},{"query":"{b}"}]"#, 2), Ok(Wires::Batch(wires)) if wires.len() == 2)
        );
        for bad in [
            "",
            "null",
            "\"x\"",
            "[]",
            "{}",
            r#"{"query":1}"#,
            r#"["{a}"]"#,
            r#"[["{a}"]]"#,
            "[1]",
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","operationName":{}}"#,
            r#"{"query":"{a}","extensions":"x"}"#,
            r#"[{"query":"a"},{"query":"a"},{"query":"a"}]"#,
        ] {
            assert!(parse(bad.as_bytes(), 2).is_err(), "{bad}");
        }
    }
}

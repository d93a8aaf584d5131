//! Which media type an answer has and which status that means (GraphQL over HTTP, sections 6.1 and 6.4).

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

use crate::base::error::ErrorCode;

/// The two media types of a GraphQL response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`: a well-formed request is answered with 200, whatever becomes of it.
    Json,
    /// `application/graphql-response+json`: the status tells request errors.
    GraphqlResponse,
}

impl MediaType {
    /// The type that the client prefers; JSON for `*/*`, for none, and for types that we do not have.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let (mut json, mut response) = (0, 0);
        for range in lines.flat_map(|line| line.split(',')) {
            let (essence, weight) = weighed(range);
            match essence.as_str() {
                "application/json" | "application/*" | "*/*" => json = json.max(weight),
                "application/graphql-response+json" => response = response.max(weight),
                _ => {}
            }
        }
        if response > 0 && response >= json { Self::GraphqlResponse } else { Self::Json }
    }

    /// The header's value.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The status of an answer that was refused with this code, or executed. What is wrong with the document rather
    /// than with the HTTP request stays 200 in plain JSON, as the draft asks for the sake of older clients.
    pub fn status(self, refusal: Option<ErrorCode>) -> StatusCode {
        let Some(code) = refusal else { return StatusCode::OK };
        let is_well_formed = matches!(
            code,
            ErrorCode::GraphqlParseFailed
                | ErrorCode::GraphqlValidationFailed
                | ErrorCode::LimitExceeded
                | ErrorCode::BadUserInput
        );
        if self == Self::Json && is_well_formed {
            return StatusCode::OK;
        }
        StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A media range in lower case and its weight in thousandths (RFC 9110 section 12.4.2).
fn weighed(range: &str) -> (String, u16) {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).map_or(1_000, |weight| {
        let weight = weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
        let thousandths = (weight * 1_000.0) as u16;
        thousandths
    });
    (essence, weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn negotiate(accept: &'static str) -> MediaType {
        MediaType::negotiate(&[(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect())
    }

    #[test]
    fn the_preferred_type_wins_and_json_when_in_doubt() {
        assert_eq!(MediaType::negotiate(&HeaderMap::new()), MediaType::Json);
        for json in [
            "*/*",
            "application/json",
            "text/html, */*;q=0.1",
            "text/html",
            "application/graphql-response+json;q=0, application/json",
            "application/graphql-response+json;q=0.5, application/json;q=0.9",
        ] {
            assert_eq!(negotiate(json), MediaType::Json, "{json}");
        }
        for response in [
            "application/graphql-response+json",
            "application/graphql-response+json, application/json;q=0.9",
            "application/json, application/graphql-response+json",
            "Application/GraphQL-Response+JSON; charset=utf-8",
        ] {
            assert_eq!(negotiate(response), MediaType::GraphqlResponse, "{response}");
        }
    }

    #[test]
    fn request_errors_show_in_the_status_where_the_type_allows() {
        let status = |media: MediaType, code| media.status(Some(code)).as_u16();
        for code in [ErrorCode::GraphqlParseFailed, ErrorCode::LimitExceeded, ErrorCode::BadUserInput] {
            assert_eq!(status(MediaType::Json, code), 200);
            assert_eq!(status(MediaType::GraphqlResponse, code), 400);
        }
        for media in [MediaType::Json, MediaType::GraphqlResponse] {
            assert_eq!(status(media, ErrorCode::Unauthenticated), 401);
            assert_eq!(status(media, ErrorCode::MethodNotAllowed), 405);
            assert_eq!(status(media, ErrorCode::PayloadTooLarge), 413);
            assert_eq!(status(media, ErrorCode::UnsupportedMediaType), 415);
            assert_eq!(status(media, ErrorCode::RateLimited), 429);
            assert_eq!(media.status(None), StatusCode::OK);
        }
    }
}

//! What clients see of a failure: one shape for every error of every transport, with a published code and stable text.
//! Nothing internal passes: what no code of ours explains is logged under the request id and answered as INTERNAL.

use std::borrow::Cow;
use std::time::Duration;

use async_graphql::parser::Pos;
use async_graphql::{Name, PathSegment, Response, ServerError, Value, resolver_utils};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::guard::{Refused, RefusedCode};
use crate::base::error::{Error, ErrorCode};

/// What every error of one answer carries beside its code.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Finds the request in the logs.
    pub request_id: std::sync::Arc<str>,
    /// When it was answered.
    pub now: DateTime<Utc>,
    /// Errors of one answer at most.
    pub most_errors: usize,
}

/// One error as it goes over the wire.
#[derive(Clone, Debug, Serialize)]
pub struct WireError {
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Pos>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<PathSegment>,
    extensions: Extensions,
    #[serde(skip)]
    error_code: ErrorCode,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    code: Value,
    timestamp: String,
    request_id: std::sync::Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    /// Whole seconds, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// What is to be sent for one operation, or one event of a subscription.
#[derive(Debug)]
pub enum Answer {
    /// It was executed; single fields may have failed.
    Executed(Executed),
    /// It was not executed: a request error, without `data`.
    Refused(Vec<WireError>),
}

/// A result with its `data`.
#[derive(Debug)]
pub struct Executed {
    /// The response, serialised.
    pub body: String,
    /// The cursor that the root field's edge shows, if it was selected under that name.
    pub cursor: Option<String>,
    /// When trying again makes sense, if a field says so.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// The answer to a document that the guard refused.
    pub fn refused(refused: Refused, stamp: &Stamp) -> Self {
        let code = match refused.code {
            RefusedCode::Syntax => ErrorCode::GraphqlParseFailed,
            RefusedCode::TooLarge | RefusedCode::TooComplex => ErrorCode::LimitExceeded,
            RefusedCode::Invalid => ErrorCode::GraphqlValidationFailed,
            RefusedCode::Variable => ErrorCode::BadUserInput,
        };
        let mut error = stamp.error(code, refused.message.into());
        error.locations = refused.location.map(|(line, column)| Pos { line, column }).into_iter().collect();
        Self::Refused(vec![error])
    }

    /// The answer when the request failed before its document was looked at, or the executor panicked.
    pub fn failed(error: &Error, stamp: &Stamp) -> Self {
        Self::Refused(vec![stamp.explain(error)])
    }

    /// The answer that the executor gave. Errors without a path are request errors: no field was tried.
    pub fn executed(response: Response, stamp: &Stamp) -> Self {
        let is_refusal = is_empty(&response) && response.errors.iter().all(|error| error.path.is_empty());
        Self::shaped(response, is_refusal, stamp)
    }

    /// The first answer of a subscription: when its root field gave nothing but an error, the source was never opened,
    /// which is a request error too (specification, `CreateSourceEventStream`).
    pub fn opened(response: Response, stamp: &Stamp) -> Self {
        let is_refusal = is_empty(&response);
        Self::shaped(response, is_refusal, stamp)
    }

    fn shaped(response: Response, is_refusal: bool, stamp: &Stamp) -> Self {
        let errors: Vec<_> =
            response.errors.into_iter().take(stamp.most_errors).map(|error| stamp.translate(error)).collect();
        if is_refusal {
            return Self::Refused(errors);
        }
        let retry_after = errors.iter().filter_map(|error| error.extensions.retry_after).max();
        let body = Body { data: Some(&response.data), errors: &errors, extensions: &response.extensions };
        Self::Executed(Executed { body: to_json(&body), cursor: cursor_of(&response.data), retry_after })
    }

    /// The whole response as JSON.
    pub fn body(&self) -> Cow<'_, str> {
        match self {
            Self::Executed(executed) => Cow::Borrowed(&executed.body),
            Self::Refused(errors) => Cow::Owned(to_json(&Body {
                data: None,
                errors,
                extensions: &std::collections::BTreeMap::new(),
            })),
        }
    }

    /// The errors of a refusal alone, as a JSON array: the payload of the socket's `error` message.
    pub fn errors(&self) -> String {
        match self {
            Self::Executed(_) => "[]".to_owned(),
            Self::Refused(errors) => to_json(errors),
        }
    }

    /// The code that decides the HTTP status of a refusal; `None` when it was executed.
    pub fn refusal(&self) -> Option<ErrorCode> {
        match self {
            Self::Executed(_) => None,
            Self::Refused(errors) => {
                Some(errors.first().map_or(ErrorCode::Internal, |error| error.error_code))
            }
        }
    }

    /// Whole seconds after which trying again makes sense.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Executed(executed) => executed.retry_after,
            Self::Refused(errors) => errors.iter().filter_map(|error| error.extensions.retry_after).max(),
        }
    }
}

fn is_empty(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty()
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [WireError],
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    extensions: &'a std::collections::BTreeMap<String, Value>,
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings and no value here can fail to serialise")
}

impl Stamp {
    fn error(&self, code: ErrorCode, message: Cow<'static, str>) -> WireError {
        let extensions = Extensions {
            code: resolver_utils::enum_value(code),
            timestamp: self.now.to_rfc3339_opts(SecondsFormat::Millis, true),
            request_id: self.request_id.clone(),
            details: None,
            retry_after: None,
        };
        WireError { message, locations: Vec::new(), path: Vec::new(), extensions, error_code: code }
    }

    fn explain(&self, error: &Error) -> WireError {
        if let Some(cause) = &error.cause {
            tracing::error!(request_id = %self.request_id, code = ?error.code, cause, "a request failed");
        }
        let mut wire = self.error(error.code, error.message.clone());
        wire.extensions.retry_after = error.retry_after.map(whole_seconds);
        if !error.field.is_empty() {
            let field = error.field.iter().map(|step| Value::from(*step)).collect();
            wire.extensions.details = Some(at_field(Value::List(field)));
        }
        wire
    }

    fn translate(&self, error: ServerError) -> WireError {
        let mut wire = match error.source::<Error>() {
            Some(known) => self.explain(known),
            None => self.judge(&error),
        };
        wire.locations = error.locations;
        wire.path = error.path;
        wire
    }

    /// An error that is not the house's own type: the executor's, a scalar's, or one that must not be seen.
    fn judge(&self, error: &ServerError) -> WireError {
        let code =
            error.extensions.as_ref().and_then(|extensions| extensions.get("code")).and_then(known_code);
        if let (Some(code), Some(extensions)) = (code, &error.extensions) {
            let mut wire = self.error(code, error.message.clone().into());
            wire.extensions.retry_after = extensions.get("retryAfter").and_then(|after| match after {
                Value::Number(seconds) => seconds.as_u64(),
                _ => None,
            });
            wire.extensions.details = extensions.get("field").cloned().map(at_field);
            return wire;
        }
        if error.source.is_none() && error.path.is_empty() {
            return self.error(ErrorCode::GraphqlValidationFailed, error.message.clone().into());
        }
        if error.source.is_none() && is_input_error(&error.message) {
            return self.error(ErrorCode::BadUserInput, error.message.clone().into());
        }
        let masked = Error::internal(error.message.clone());
        self.explain(&masked)
    }
}

/// Details that name the argument at fault.
fn at_field(path: Value) -> Value {
    Value::Object([(Name::new("field"), path)].into())
}

/// How async-graphql begins the errors of scalars and inputs that do not parse (`InputValueError`).
fn is_input_error(message: &str) -> bool {
    ["Failed to parse \"", "Expected input type \"", "Invalid value for argument "]
        .iter()
        .any(|start| message.starts_with(start))
}

fn known_code(code: &Value) -> Option<ErrorCode> {
    let name = match code {
        Value::String(name) => name.as_str(),
        Value::Enum(name) => name.as_str(),
        _ => return None,
    };
    ErrorCode::named(name)
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// The `cursor` of the only root field's edge: what a client resumes from.
fn cursor_of(data: &Value) -> Option<String> {
    let Value::Object(root) = data else { return None };
    let Some((_, Value::Object(edge))) = root.first() else { return None };
    match edge.get("cursor") {
        Some(Value::String(cursor)) => Some(cursor.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn stamp() -> Stamp {
        Stamp { request_id: "r1".into(), now: DateTime::UNIX_EPOCH, most_errors: 2 }
    }

    fn field_error(message: &str) -> ServerError {
        ServerError::new(message, None).with_path(vec![PathSegment::Field("a".to_owned())])
    }

    fn body(answer: &Answer) -> Json {
        serde_json::from_str(&answer.body()).unwrap()
    }

    fn executed(errors: Vec<ServerError>) -> Json {
        body(&Answer::executed(Response::from_errors(errors), &stamp()))
    }

    #[test]
    fn a_refusal_has_a_code_and_no_data() {
        let refused = Refused::new(RefusedCode::TooComplex, "The document has more than 20 root fields.");
        let answer = Answer::refused(refused, &stamp());
        assert_eq!(answer.refusal(), Some(ErrorCode::LimitExceeded));
        assert_eq!(
            body(&answer),
            json!({ "errors": [{
                "message": "The document has more than 20 root fields.",
                "extensions": { "code": "LIMIT_EXCEEDED", "timestamp": "1970-01-01T00:00:00.000Z", "requestId": "r1" },
            }] })
        );
    }

    #[test]
    fn the_houses_errors_keep_their_text_and_lose_their_cause() {
        let known = async_graphql::Error::new_with_source(
            Error::new(ErrorCode::RateLimited, "Slow down.").retry_after(Duration::from_millis(1_200)),
        );
        let mut error = known.into_server_error(Pos { line: 1, column: 3 });
        error.path = vec![PathSegment::Field("a".to_owned())];
        let body = executed(vec![error]);
        assert_eq!(body["errors"][0]["message"], "Slow down.");
        assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        assert_eq!(body["errors"][0]["extensions"]["retryAfter"], 2);
        assert_eq!(body["data"], Json::Null);
    }

    #[test]
    fn what_no_code_explains_is_masked() {
        for error in [
            field_error("SELECT secret FROM users"),
            async_graphql::Error::new_with_source(std::io::Error::other("/etc/passwd"))
                .into_server_error(Pos::default()),
        ] {
            let body = executed(vec![error]);
            assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL");
            let text = body.to_string();
            assert!(!text.contains("SELECT") && !text.contains("passwd"), "{text}");
        }
    }

    #[test]
    fn scalars_may_say_what_they_want() {
        let body = executed(vec![field_error("Failed to parse \"PhoneNumber\": not a phone number")]);
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }

    #[test]
    fn the_count_of_errors_is_capped() {
        let body = executed((0..50).map(|_| field_error("x")).collect());
        assert_eq!(body["errors"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn an_edges_cursor_is_found() {
        let data = Value::from_json(json!({ "messageReceived": { "cursor": "c7", "node": {} } })).unwrap();
        match Answer::executed(Response::new(data), &stamp()) {
            Answer::Executed(executed) => assert_eq!(executed.cursor.as_deref(), Some("c7")),
            Answer::Refused(errors) => panic!("{errors:?}"),
        }
    }
}

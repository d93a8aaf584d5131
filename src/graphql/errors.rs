//! The one place where a house error becomes a GraphQL error or a user error.

use async_graphql::{ErrorExtensionValues, SimpleObject};

use crate::base::error::{Error, ErrorCode};

/// An error that a caller can expect and react to.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// What a program reacts to.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// Path of the argument at fault, such as `["input", "to", "phoneNumber"]`.
    pub field: Option<Vec<String>>,
}

impl From<Error> for UserError {
    fn from(error: Error) -> Self {
        let field: Vec<String> = error.field.iter().map(ToString::to_string).collect();
        Self {
            code: error.code,
            message: error.message.into_owned(),
            field: (!field.is_empty()).then_some(field),
        }
    }
}

impl From<Error> for async_graphql::Error {
    /// A top-level error: `extensions.code`, `retryAfter` in seconds. Causes go to the log, never to the client; the
    /// edge adds `timestamp` and `requestId`.
    fn from(error: Error) -> Self {
        if let Some(cause) = &error.cause {
            tracing::error!(code = ?error.code, %cause, "a request failed");
        }
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.name());
        if let Some(after) = error.retry_after {
            extensions.set("retryAfter", after.as_secs().max(1));
        }
        if !error.field.is_empty() {
            extensions.set("field", error.field);
        }
        Self { message: error.message.into_owned(), source: None, extensions: Some(extensions) }
    }
}

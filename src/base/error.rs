//! The one error of the house. Which error when:
//!
//! * the caller can repair the input → a code with a `field` path ([`Error::input`]); GraphQL shows it as a user error
//! * the caller may not → `UNAUTHENTICATED`, `FORBIDDEN`; what belongs to others does not exist → `NOT_FOUND`
//! * it will work later → `UNAVAILABLE`, `RATE_LIMITED`, with `retry_after`
//! * we are at fault → `INTERNAL`: the cause is logged under the request id and never shown

use std::{borrow::Cow, fmt, time::Duration};

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// Result of every service function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable codes of the API. Their meaning never changes; new ones may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, async_graphql::Enum)]
pub enum ErrorCode {
    /// The input is malformed or breaks a rule; `field` says where.
    BadUserInput,
    /// Not a phone number that can exist.
    InvalidNumber,
    /// No token, or one that is not valid (any more).
    Unauthenticated,
    /// The caller's role or scopes do not allow it.
    Forbidden,
    /// No such thing in the caller's organisation.
    NotFound,
    /// An operator suspended the organisation: it reads, and what others send it is kept, but it changes and sends nothing.
    OrganizationSuspended,
    /// It would break a uniqueness or state rule.
    Conflict,
    /// The cursor is malformed, stale or not of this list.
    InvalidCursor,
    /// The event log no longer reaches back to the cursor: read the current state, then subscribe without `after`.
    CursorTooOld,
    /// The idempotency key was used with other input.
    IdempotencyKeyParameterMismatch,
    /// A call with this idempotency key is still running.
    IdempotencyConcurrentRequest,
    /// Too many requests or tries; wait for `retryAfter` seconds.
    RateLimited,
    /// The document or its variables exceed a published limit; see `Query.limits`.
    LimitExceeded,
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// The document is not valid GraphQL.
    GraphqlParseFailed,
    /// The document does not fit the schema.
    GraphqlValidationFailed,
    /// The request is not what GraphQL over HTTP allows.
    BadRequest,
    /// The HTTP method cannot do this operation.
    MethodNotAllowed,
    /// The content type is not supported.
    UnsupportedMediaType,
    /// The recipient has opted out.
    OptedOut,
    /// Neither text nor media.
    EmptyMessage,
    /// The text is longer than 1,600 characters.
    MessageTooLong,
    /// More than ten media files.
    TooManyMedia,
    /// No such sender on the chosen carrier account.
    UnknownSender,
    /// No carrier is configured for this organisation, nor system-wide.
    MissingConfiguration,
    /// The country or region is not supported or not enabled.
    UnsupportedRegion,
    /// The message was handed over already, or is final.
    NotCancelable,
    /// The carrier refused our credentials.
    AuthFailed,
    /// The carrier suspended the account.
    AccountSuspended,
    /// The carrier account has no money left.
    InsufficientBalance,
    /// The organisation has no money left.
    InsufficientFunds,
    /// The carrier limits our rate.
    RateLimit,
    /// The carrier cannot be reached or is failing.
    ServiceUnavailable,
    /// The carrier refused for another reason; the message says it.
    CarrierError,
    /// The socket or organisation has too many operations open.
    TooManySubscriptions,
    /// The subscriber did not read fast enough; resume from the last cursor.
    SlowConsumer,
    /// A part of PhoneHub is not available for a moment; retry.
    Unavailable,
    /// Our fault. The request id finds it in the logs.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that a whole request failing with this code answers with (promises.md row 6).
    pub const fn http_status(self) -> u16 {
        use ErrorCode as C;
        match self {
            C::Unauthenticated => 401,
            C::Forbidden | C::OrganizationSuspended => 403,
            C::NotFound => 404,
            C::MethodNotAllowed => 405,
            C::Conflict
            | C::IdempotencyConcurrentRequest
            | C::IdempotencyKeyParameterMismatch
            | C::NotCancelable => 409,
            C::PayloadTooLarge => 413,
            C::UnsupportedMediaType => 415,
            C::RateLimited | C::RateLimit | C::TooManySubscriptions => 429,
            C::Internal => 500,
            C::AuthFailed | C::AccountSuspended | C::InsufficientBalance | C::CarrierError => 502,
            C::Unavailable | C::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// Its name in the API: `BAD_USER_INPUT`.
    pub fn name(self) -> String {
        match async_graphql::InputType::to_value(&self) {
            async_graphql::Value::Enum(name) => name.to_string(),
            other => other.to_string(),
        }
    }

    /// The code of this name.
    pub fn named(name: &str) -> Option<Self> {
        let items = <Self as async_graphql::resolver_utils::EnumType>::items();
        items.iter().find(|item| item.name == name).map(|item| item.value)
    }

    /// A caller can expect it and react in code: shown in `userErrors`, not as a top-level error.
    pub const fn is_expected(self) -> bool {
        use ErrorCode as C;
        !matches!(
            self,
            C::Unauthenticated
                | C::Forbidden
                | C::OrganizationSuspended
                | C::RateLimited
                | C::LimitExceeded
                | C::Unavailable
                | C::Internal
        )
    }
}

const OUR_FAULT: &str = "Something went wrong on our side. The request id finds it in the logs.";

/// An error with its code, stable text and, for inputs, the path of the field. Displayed, it tells its causes too: that is
/// for logs and the command line, never for clients.
#[derive(Debug)]
pub struct Error {
    /// What a program reacts to.
    pub code: ErrorCode,
    /// What a person reads. Never SQL, a path, a secret or another library's words.
    pub message: Cow<'static, str>,
    /// Path inside the mutation's arguments, such as `["input", "to", "phoneNumber"]`.
    pub field: Vec<&'static str>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What really happened, for the log alone.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)?;
        let (mut told, mut cause) = (String::new(), std::error::Error::source(self));
        while let Some(because) = cause {
            let words = because.to_string();
            if !told.contains(&words) {
                write!(f, ": {words}")?;
                told = words;
            }
            cause = because.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}

impl Error {
    /// An error with a code and a text.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), field: Vec::new(), retry_after: None, cause: None }
    }

    /// Input that the caller can repair; `field` is the path below `input`.
    pub fn input(field: &[&'static str], message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::BadUserInput, message).at(field)
    }

    /// Nothing of that id in the caller's organisation: the one answer for missing and for foreign ones.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "There is nothing with this id.")
    }

    /// No valid token.
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "Sign in: the token is missing, expired or revoked.")
    }

    /// A caller who is known but may not.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// The caller's organisation may not do this while it is suspended.
    pub fn suspended() -> Self {
        let text =
            "The organisation is suspended: it can read, but neither change nor send. Ask the operator.";
        Self::new(ErrorCode::OrganizationSuspended, text)
    }

    /// Our own fault; the text that clients see is fixed.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(ErrorCode::Internal, OUR_FAULT) }
    }

    /// Whether only the log may tell what happened.
    pub fn is_masked(&self) -> bool {
        self.message == OUR_FAULT
    }

    /// A part is down for a moment; retrying is right.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            cause: Some(cause.into()),
            ..Self::new(ErrorCode::Unavailable, "The service is busy for a moment. Try again.")
        }
    }

    /// The same error at a path below `input`.
    #[must_use]
    pub fn at(mut self, field: &[&'static str]) -> Self {
        self.field = std::iter::once("input").chain(field.iter().copied()).collect();
        self
    }

    /// The same error with the time after which trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if is_transient(&error) { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

/// Whether a database error passes by itself: no connection, a full pool or disk, a lock, a lost serialisation race.
fn is_transient(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            match &**inner {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Protocol(_)
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(database) => {
                    database.code().is_some_and(|code| is_transient_code(&code))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// PostgreSQL SQLSTATEs (40001 serialisation, 40P01 deadlock, 53* resources, 57P0* shutdown, 08* connection, 25006
/// read-only, 25P03 idle for too long in a transaction, 55P03 lock not given in time) and SQLite result codes (5 busy,
/// 6 locked, 13 full, 10 I/O, extended ones in the low byte).
fn is_transient_code(code: &str) -> bool {
    if code.len() == 5 {
        return matches!(code, "40001" | "40P01" | "25006" | "25P03" | "55P03")
            || ["08", "53", "57P0"].iter().any(|p| code.starts_with(p));
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13))
}

/// Whether the database refused because of a unique index: the last judge of "one winner".
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_codes_are_told_from_faults() {
        for code in ["40001", "40P01", "25P03", "55P03", "57P01", "53300", "5", "6", "13", "261", "522"] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["23505", "42601", "19", "1", "2067"] {
            assert!(!is_transient_code(code), "{code}");
        }
    }

    #[test]
    fn what_callers_see_holds_nothing_of_the_cause() {
        let error = Error::internal("SELECT secret FROM users");
        assert!(!error.message.contains("SELECT"));
    }
}

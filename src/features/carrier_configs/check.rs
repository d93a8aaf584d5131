//! What the carrier says about an account, in our codes and in words.

use entity::carrier_config;

use crate::{
    base::error::ErrorCode,
    carriers::{
        CarrierError, ErrorKind,
        messaging::{AccountInfo, Messaging},
    },
};

/// Twilio: the account is suspended or closed.
const ACCOUNT_NOT_ACTIVE: i32 = 20005;

/// Something that keeps a config from working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What a program reacts to.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// The sender at fault, where it is one.
    pub sender: Option<String>,
}

impl Problem {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), sender: None }
    }

    pub(super) fn of_sender(sender: &str, message: impl Into<String>) -> Self {
        Self { sender: Some(sender.to_owned()), ..Self::new(ErrorCode::UnknownSender, message) }
    }
}

impl From<CarrierError> for Problem {
    fn from(error: CarrierError) -> Self {
        let because = error.explanation();
        match error.kind {
            _ if error.code == Some(ACCOUNT_NOT_ACTIVE) => suspended(),
            ErrorKind::Credentials => {
                Self::new(ErrorCode::AuthFailed, format!("The carrier refused the credentials: {because}."))
            }
            ErrorKind::NotFound => {
                Self::new(ErrorCode::AuthFailed, "The carrier knows no account of this id at this address.")
            }
            ErrorKind::RateLimited => {
                Self::new(ErrorCode::RateLimit, "The carrier limits our rate at the moment. Try again later.")
            }
            ErrorKind::NotSent | ErrorKind::BreakerOpen | ErrorKind::Server | ErrorKind::Interrupted => {
                Self::new(ErrorCode::ServiceUnavailable, format!("The carrier cannot be reached: {because}."))
            }
            ErrorKind::Refused | ErrorKind::Unreadable => {
                Self::new(ErrorCode::CarrierError, format!("The carrier's answer: {because}."))
            }
        }
    }
}

fn suspended() -> Problem {
    let text = "The carrier suspended or closed this account. Its console says why.";
    Problem::new(ErrorCode::AccountSuspended, text)
}

/// Asks whether the credentials open the account that the config names, and whether it is active.
pub async fn account(
    messaging: &dyn Messaging,
    config: &carrier_config::Model,
) -> Result<AccountInfo, Problem> {
    judge(messaging.check_account().await?, &config.account_id)
}

fn judge(info: AccountInfo, expected: &str) -> Result<AccountInfo, Problem> {
    if info.sid != expected {
        let text = format!("The credentials open the account {}, not {expected}.", info.sid);
        return Err(Problem::new(ErrorCode::AuthFailed, text));
    }
    match info.status.as_deref() {
        Some("suspended" | "closed") => Err(suspended()),
        _ => Ok(info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(sid: &str, status: Option<&str>) -> AccountInfo {
        AccountInfo { sid: sid.into(), friendly_name: None, status: status.map(str::to_owned), kind: None }
    }

    #[test]
    fn another_account_and_a_suspended_one_are_told() {
        assert_eq!(judge(info("AC2", None), "AC1").unwrap_err().code, ErrorCode::AuthFailed);
        assert_eq!(judge(info("AC1", Some("closed")), "AC1").unwrap_err().code, ErrorCode::AccountSuspended);
        assert!(judge(info("AC1", Some("active")), "AC1").is_ok());
        assert!(judge(info("AC1", None), "AC1").is_ok(), "an API key may not read the status");
    }

    #[test]
    fn every_kind_of_failure_has_its_code() {
        for (kind, code, expected) in [
            (ErrorKind::Credentials, Some(20_003), ErrorCode::AuthFailed),
            (ErrorKind::Credentials, Some(20_005), ErrorCode::AccountSuspended),
            (ErrorKind::NotFound, Some(20_404), ErrorCode::AuthFailed),
            (ErrorKind::RateLimited, Some(20_429), ErrorCode::RateLimit),
            (ErrorKind::NotSent, None, ErrorCode::ServiceUnavailable),
            (ErrorKind::BreakerOpen, None, ErrorCode::ServiceUnavailable),
            (ErrorKind::Interrupted, None, ErrorCode::ServiceUnavailable),
            (ErrorKind::Server, None, ErrorCode::ServiceUnavailable),
            (ErrorKind::Unreadable, None, ErrorCode::CarrierError),
            (ErrorKind::Refused, Some(20_001), ErrorCode::CarrierError),
        ] {
            let error = CarrierError { code, ..CarrierError::new(kind, "words") };
            assert_eq!(Problem::from(error).code, expected, "{kind:?} {code:?}");
        }
    }
}

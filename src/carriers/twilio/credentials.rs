//! What opens an account. Secrets stay wrapped until they are written to the wire or into a signature.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use crate::base::http::Basic;

/// An account's id: `AC` and 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountSid(String);

/// The input is not an account's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account SID is AC followed by 32 hexadecimal digits")]
pub struct NotAnAccountSid;

impl AccountSid {
    /// As the carrier writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountSid {
    type Err = NotAnAccountSid;

    fn from_str(sid: &str) -> Result<Self, Self::Err> {
        let digits = sid.strip_prefix("AC").ok_or(NotAnAccountSid)?;
        let valid = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| Self(sid.to_owned())).ok_or(NotAnAccountSid)
    }
}

impl fmt::Debug for AccountSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How requests are authenticated.
#[derive(Debug, Clone)]
pub enum ApiAuth {
    /// By the account's Auth Token.
    AuthToken(SecretString),
    /// By an API key; the account then stands only in the path.
    ApiKey {
        /// `SK…`.
        sid: String,
        /// Shown once by the carrier.
        secret: SecretString,
    },
}

/// Everything needed to act for an account and to believe its webhooks. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct TwilioCredentials {
    /// Whose account.
    pub account_sid: AccountSid,
    /// For requests.
    pub auth: ApiAuth,
    /// For webhooks, which are never signed with an API key's secret; two while rotating, either passes.
    pub auth_tokens: Vec<SecretString>,
}

impl TwilioCredentials {
    /// User and password of requests.
    pub(super) fn basic(&self) -> Basic {
        let (user, password) = match &self.auth {
            ApiAuth::AuthToken(token) => (self.account_sid.as_str(), token),
            ApiAuth::ApiKey { sid, secret } => (sid.as_str(), secret),
        };
        Basic { user: user.to_owned(), password: password.clone() }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const SID: &str = "AC0123456789abcdef0123456789abcdef";

    fn credentials(auth: ApiAuth) -> TwilioCredentials {
        let auth_tokens = vec!["canary-token".to_owned().into()];
        TwilioCredentials { account_sid: SID.parse().expect("an account SID"), auth, auth_tokens }
    }

    #[test]
    fn an_api_key_replaces_the_account_as_user() {
        let token = credentials(ApiAuth::AuthToken("canary-token".to_owned().into())).basic();
        assert_eq!((token.user.as_str(), token.password.expose_secret()), (SID, "canary-token"));
        let secret = "canary-secret".to_owned().into();
        let key = credentials(ApiAuth::ApiKey { sid: "SK1".to_owned(), secret }).basic();
        assert_eq!((key.user.as_str(), key.password.expose_secret()), ("SK1", "canary-secret"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = "canary-secret".to_owned().into();
        let shown = format!("{:?}", credentials(ApiAuth::ApiKey { sid: "SK1".to_owned(), secret }));
        assert!(shown.contains(SID) && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn only_account_sids_are_account_sids() {
        for sid in
            ["", "AC", "SK0123456789abcdef0123456789abcdef", "AC0123456789abcdef0123456789abcde/", "ac01"]
        {
            assert_eq!(sid.parse::<AccountSid>(), Err(NotAnAccountSid), "{sid}");
        }
    }
}

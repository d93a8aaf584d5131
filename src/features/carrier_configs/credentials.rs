//! The secrets of a carrier account: how they are sealed into a row, and how two tokens live while one replaces the
//! other. No other module sees the sealed form.

use entity::{
    carrier_config,
    ids::{CarrierConfigId, OrganizationId},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        error::{Error, Result},
        secrets::{Aad, Keyring},
    },
    carriers::twilio::{AccountSid, ApiAuth, TwilioCredentials},
};

/// Shorter secrets would be told by their last four characters.
const HINT_FROM: usize = 12;

/// What opens an account and proves its webhooks. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Signs webhooks, and requests where there is no API key.
    pub auth_token: SecretString,
    /// The token before: webhooks signed with it pass until the rotation ends.
    pub previous_auth_token: Option<SecretString>,
    /// For requests, instead of the token.
    pub api_key: Option<ApiKey>,
}

/// A Twilio API key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: SecretString,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    auth_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_auth_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_key: Option<(String, String)>,
}

impl Credentials {
    /// The last four characters, by which people recognise it; nothing of a short one.
    pub fn hint(&self) -> String {
        let token = self.auth_token.expose_secret();
        let length = token.chars().count();
        if length < HINT_FROM { String::new() } else { token.chars().skip(length - 4).collect() }
    }

    /// Every token that a webhook may be signed with.
    pub fn webhook_tokens(&self) -> Vec<SecretString> {
        std::iter::once(&self.auth_token).chain(&self.previous_auth_token).cloned().collect()
    }

    /// As the client takes them.
    pub fn for_account(self, account_sid: AccountSid) -> TwilioCredentials {
        let auth_tokens = self.webhook_tokens();
        let auth = match self.api_key {
            Some(key) => ApiAuth::ApiKey { sid: key.sid, secret: key.secret },
            None => ApiAuth::AuthToken(self.auth_token),
        };
        TwilioCredentials { account_sid, auth, auth_tokens }
    }

    /// These credentials where others were before: another token leaves the one before it valid for webhooks, the same
    /// one goes on with what was. What the caller said about the previous token stands.
    pub fn succeeding(self, before: Option<Self>) -> Self {
        let Some(before) = before.filter(|_| self.previous_auth_token.is_none()) else { return self };
        let same = before.auth_token.expose_secret() == self.auth_token.expose_secret();
        let previous = if same { before.previous_auth_token } else { Some(before.auth_token) };
        Self { previous_auth_token: previous, ..self }
    }

    /// Sealed for one row.
    pub fn seal(&self, keyring: &Keyring, aad: &Aad) -> Result<Vec<u8>> {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        let stored = Stored {
            auth_token: text(&self.auth_token),
            previous_auth_token: self.previous_auth_token.as_ref().map(text),
            api_key: self.api_key.as_ref().map(|key| (key.sid.clone(), text(&key.secret))),
        };
        keyring.seal(aad, &serde_json::to_vec(&stored)?).map_err(Error::internal)
    }

    /// Opened from a row.
    pub fn open(keyring: &Keyring, row: &carrier_config::Model) -> Result<Self> {
        let plain = keyring.open(&place(row.organization_id, row.id), &row.credentials);
        let plain = plain.map_err(Error::internal)?;
        // The words of a parser could quote what it read.
        let stored: Stored = serde_json::from_slice(plain.expose_secret())
            .map_err(|_| Error::internal("sealed credentials of another form"))?;
        Ok(Self {
            auth_token: stored.auth_token.into(),
            previous_auth_token: stored.previous_auth_token.map(SecretString::from),
            api_key: stored.api_key.map(|(sid, secret)| ApiKey { sid, secret: secret.into() }),
        })
    }
}

/// Where a config's credentials live; they open nowhere else.
pub fn place(organization: Option<OrganizationId>, config: CarrierConfigId) -> Aad {
    Aad {
        organization: organization.map(|id| id.0),
        table: "carrier_configs",
        row: config.0,
        column: "credentials",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Credentials {
        Credentials { auth_token: text.into(), previous_auth_token: None, api_key: None }
    }

    fn passing(credentials: &Credentials) -> Vec<String> {
        credentials.webhook_tokens().iter().map(|token| token.expose_secret().to_owned()).collect()
    }

    #[test]
    fn a_new_token_leaves_the_one_before_valid() {
        let rotated = token("second").succeeding(Some(token("first")));
        assert_eq!(passing(&rotated), ["second", "first"]);
        let again = token("second").succeeding(Some(rotated.clone()));
        assert_eq!(passing(&again), ["second", "first"], "saving the same token ends nothing");
        let third = token("third").succeeding(Some(rotated));
        assert_eq!(passing(&third), ["third", "second"], "two at most");
        let told = Credentials { previous_auth_token: Some("other".into()), ..token("fourth") };
        assert_eq!(passing(&told.succeeding(Some(third))), ["fourth", "other"]);
    }

    #[test]
    fn hints_tell_four_characters_of_long_secrets_only() {
        assert_eq!(token("0123456789abcdef").hint(), "cdef");
        assert_eq!(token("short").hint(), "");
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = ApiKey { sid: "SK1".into(), secret: "canary-secret".into() };
        let credentials = Credentials { api_key: Some(key), ..token("canary-secret") };
        assert!(!format!("{credentials:?}").contains("canary-secret"));
    }
}

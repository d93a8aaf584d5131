//! The carrier account that a config names: its parts, parsed, and the key that ids and senders are unique under.
//! Holds no secret.

use entity::carrier_config;

use crate::{
    base::{
        error::{Error, Result},
        http::HttpClient,
    },
    carriers::twilio::{AccountSid, BaseUrl, DEFAULT_BASE_URL},
};

/// An account at a place; the same account at another place (a sandbox) is another one.
#[derive(Debug, Clone)]
pub struct Account {
    /// Twilio: `AC…`.
    pub sid: AccountSid,
    /// Where its API answers.
    pub base_url: BaseUrl,
}

impl Account {
    /// What a config's new settings name; what they leave out stays as it was. Stored credentials are sent only to
    /// where they were meant for, so whoever names another account or place must bring credentials too.
    pub fn after(
        before: Option<&carrier_config::Model>,
        sid: Option<&str>,
        base_url: Option<&str>,
        http: &HttpClient,
    ) -> Result<Self> {
        let known_sid = before.map(|row| row.account_id.as_str());
        let known_url = before.map(|row| row.base_url.as_str());
        let account = Self {
            sid: parse_sid(sid.or(known_sid).unwrap_or_default())?,
            base_url: parse_base_url(base_url.or(known_url).unwrap_or(DEFAULT_BASE_URL), http)?,
        };
        let elsewhere =
            before.is_some_and(|row| row.account != account.key() || row.base_url != account.url());
        if elsewhere && sid.is_none() {
            let text =
                "Another base URL needs the credentials anew: stored ones go only where they were meant for.";
            return Err(Error::input(&["credentials"], text));
        }
        Ok(account)
    }

    /// `twilio:host[:port][/path]:AC…`: ids of messages and addresses of senders are unique below it.
    pub fn key(&self) -> String {
        let url = self.base_url.as_url();
        let host = host_of(url);
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        format!("twilio:{host}{port}{path}:{}", self.sid.as_str())
    }

    /// The base URL as it is stored: without a slash at the end.
    pub fn url(&self) -> &str {
        self.base_url.as_url().as_str().trim_end_matches('/')
    }

    /// Whatever is not Twilio's own address (`api.twilio.com` or a regional host below `twilio.com`) is a sandbox.
    pub fn is_test(&self) -> bool {
        let host = host_of(self.base_url.as_url());
        !host.ends_with(".twilio.com")
    }
}

fn parse_sid(sid: &str) -> Result<AccountSid> {
    sid.trim().parse().map_err(|_| {
        Error::input(&["credentials", "accountSid"], "An account SID is AC and 32 hexadecimal digits.")
    })
}

fn parse_base_url(text: &str, http: &HttpClient) -> Result<BaseUrl> {
    let refused = |text: String| Error::input(&["baseUrl"], text);
    let base: BaseUrl = text.trim().parse().map_err(|_| {
        refused("A base URL is http or https with a host, without credentials, query and fragment.".into())
    })?;
    http.permits(base.as_url())
        .map_err(|reason| refused(format!("This base URL is not allowed: {reason}.")))?;
    Ok(base)
}

/// Whether a text is an id of Twilio: two letters and 32 hexadecimal digits.
pub fn is_sid(prefix: &str, text: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The host without the dot that a name may end with: the same host, and so the same account.
fn host_of(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::http::{HttpSettings, Reach};

    const SID: &str = "AC00000000000000000000000000000001";

    fn account(url: Option<&str>, reach: Reach) -> Result<Account> {
        let http = HttpClient::new(HttpSettings::carrier(reach)).unwrap();
        Account::after(None, Some(SID), url, &http)
    }

    #[test]
    fn the_key_names_place_and_account() {
        let real = account(None, Reach::Public).unwrap();
        assert_eq!(real.key(), format!("twilio:api.twilio.com:{SID}"));
        assert!(!real.is_test());
        let sandbox = account(Some("http://127.0.0.1:8081/"), Reach::Private).unwrap();
        assert_eq!(sandbox.key(), format!("twilio:127.0.0.1:8081:{SID}"));
        assert_eq!(sandbox.url(), "http://127.0.0.1:8081");
        assert!(sandbox.is_test());
        assert!(!account(Some("https://api.dublin.ie1.twilio.com"), Reach::Public).unwrap().is_test());
        assert!(account(Some("https://api.twilio.com.evil.example"), Reach::Public).unwrap().is_test());
        assert!(account(Some("https://eviltwilio.com"), Reach::Public).unwrap().is_test());
    }

    #[test]
    fn inner_addresses_plain_http_and_credentials_are_refused() {
        for url in [
            "http://api.twilio.com",
            "https://127.0.0.1",
            "https://169.254.169.254",
            "https://0x7f.1",
            "https://user:secret@api.twilio.com",
            "https://api.twilio.com/?a=b",
            "ftp://api.twilio.com",
            "not a url",
        ] {
            let error = account(Some(url), Reach::Public).expect_err(url);
            assert_eq!(error.field, ["input", "baseUrl"], "{url}");
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }

    #[test]
    fn sids_are_judged_whole() {
        assert!(is_sid("MG", "MG0123456789abcdef0123456789ABCDEF"));
        assert!(!is_sid("MG", "MG0123456789abcdef0123456789ABCDE"));
        assert!(!is_sid("MG", "AC0123456789abcdef0123456789ABCDEF"));
        assert!(!is_sid("MG", ""));
    }
}

//! Webhooks as Twilio signs them, for those that the sandbox would not send.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Response, header::CONTENT_TYPE};
use url::form_urlencoded;

use super::app::TestApp;

/// HMAC-SHA1 under the auth token over the URL and the parameters, sorted by name
/// (<https://www.twilio.com/docs/usage/security>).
pub fn sign(auth_token: &str, url: &str, params: &[(&str, &str)]) -> String {
    let mut sorted = params.to_vec();
    sorted.sort_unstable();
    let parts = sorted.iter().flat_map(|(name, value)| [*name, *value]);
    let signed = std::iter::once(url).chain(parts).collect::<String>();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

/// The body of a form.
fn form(params: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

impl TestApp {
    /// Posts a webhook that is signed with this token.
    pub async fn webhook(&self, url: &str, params: &[(&str, &str)], auth_token: &str) -> Response {
        self.forged(url, params, Some(&sign(auth_token, url, params))).await
    }

    /// Posts a webhook under any signature, or none.
    pub async fn forged(&self, url: &str, params: &[(&str, &str)], signature: Option<&str>) -> Response {
        let mut request =
            self.http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(params));
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        request.send().await.unwrap()
    }
}

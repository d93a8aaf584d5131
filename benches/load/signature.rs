//! Webhooks as the carrier signs them: the form's values behind the address, HMAC-SHA1, Base64 (carriers.md §1). Shares no
//! code with the server, so that both cannot share a mistake.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use url::form_urlencoded::Serializer;

/// A form and its signature's header.
pub struct Signed {
    /// URL-encoded.
    pub body: String,
    /// `X-Twilio-Signature: …`.
    pub header: String,
}

/// Signs a form that is posted to `url`.
pub fn sign(url: &str, secret: &str, fields: &[(&str, &str)]) -> Signed {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut text = url.to_owned();
    for (name, value) in &sorted {
        text.push_str(name);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let header = format!("X-Twilio-Signature: {}", STANDARD.encode(hmac::sign(&key, text.as_bytes())));
    Signed { body: Serializer::new(String::new()).extend_pairs(fields).finish(), header }
}

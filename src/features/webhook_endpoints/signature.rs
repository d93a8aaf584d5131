//! The signature of a delivery, after the Standard Webhooks specification: `v1,` and the base64 of the HMAC-SHA256 of
//! `{id}.{timestamp}.{body}`, one for each live secret, with spaces between. Pure.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

/// Every secret begins with it; the base64 of its bytes follows.
pub const PREFIX: &str = "whsec_";

/// The bytes of one secret, ready to sign.
#[derive(Clone, Debug)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// From `whsec_…`; `None` for any other text.
    pub fn parse(secret: &str) -> Option<Self> {
        let bytes = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
        Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, signed: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, signed)))
    }
}

/// What goes into the header `webhook-signature`. `timestamp` is in seconds since 1970.
pub fn header(keys: &[SigningKey], id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(signed.as_bytes())).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the reference libraries of the specification test themselves with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn key(secret: &str) -> SigningKey {
        SigningKey::parse(secret).unwrap()
    }

    #[test]
    fn the_vector_of_the_specification_is_met() {
        assert_eq!(header(&[key(SECRET)], ID, TIMESTAMP, BODY), SIGNATURE);
    }

    #[test]
    fn every_part_counts() {
        let right = |id, timestamp, body| header(&[key(SECRET)], id, timestamp, body) == SIGNATURE;
        assert!(!right("msg_other", TIMESTAMP, BODY));
        assert!(!right(ID, TIMESTAMP + 1, BODY));
        assert!(!right(ID, TIMESTAMP, r#"{"test":2432232314}"#));
    }

    #[test]
    fn several_secrets_sign_side_by_side() {
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let both = header(&[key(other), key(SECRET)], ID, TIMESTAMP, BODY);
        let signatures: Vec<&str> = both.split(' ').collect();
        assert_eq!(signatures.len(), 2);
        assert_eq!(signatures[1], SIGNATURE);
        assert_eq!(signatures[0], header(&[key(other)], ID, TIMESTAMP, BODY));
    }

    #[test]
    fn what_is_no_secret_is_no_key() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64!"] {
            assert!(SigningKey::parse(text).is_none_or(|_| text == PREFIX), "{text}");
        }
    }
}

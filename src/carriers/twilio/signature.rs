//! `X-Twilio-Signature`, as the official library checks it (package 9.13; `specs/twilio_signature_vectors.json`).
//! Pure; `webhook.rs` is the only caller and decides what is signed.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// The hash that the carrier chose; the choice itself is not secret, the key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// With an Auth Token; the default.
    Sha1,
    /// With the secret of a shared key.
    Sha256,
}

impl Algorithm {
    /// Reads `X-Twilio-Webhooks-Signature-Settings` (`key=…,algorithm=HMAC_SHA256`); `None` for one that we do not
    /// know, which is refused rather than guessed.
    pub(super) fn from_settings(header: &str) -> Option<Self> {
        let settings = header.split(',').filter_map(|setting| setting.trim().split_once('='));
        match settings.into_iter().find(|(name, _)| *name == "algorithm")?.1 {
            "HMAC_SHA256" => Some(Self::Sha256),
            "HMAC_SHA1" => Some(Self::Sha1),
            _ => None,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }
}

/// What a signature covers.
pub(super) struct Signed<'a> {
    /// The whole URL as the carrier requested it, query untouched.
    pub(super) url: &'a str,
    /// Decoded pairs of a form body; none for GET and JSON.
    pub(super) params: &'a [(String, String)],
    /// From the header, Base64.
    pub(super) signature: &'a str,
    /// From the settings header.
    pub(super) algorithm: Algorithm,
}

/// Whether any of the secrets made the signature, over the URL with or without its standard port. Every secret and
/// both spellings are tried, each in constant time.
pub(super) fn is_valid(signed: &Signed<'_>, secrets: &[SecretString]) -> bool {
    let Ok(tag) = STANDARD.decode(signed.signature) else { return false };
    let params = joined(signed.params);
    let mut valid = false;
    for url in spellings(signed.url) {
        let message = url + &params;
        for secret in secrets.iter().filter(|secret| !secret.expose_secret().is_empty()) {
            let key = hmac::Key::new(signed.algorithm.hmac(), secret.expose_secret().as_bytes());
            valid |= hmac::verify(&key, message.as_bytes(), &tag).is_ok();
        }
    }
    valid
}

/// Whether `hex` (lower case) is the SHA-256 of a body.
pub(super) fn is_digest_of(hex: &str, body: &[u8]) -> bool {
    let expected = hex::encode(digest::digest(&digest::SHA256, body));
    aws_lc_rs::constant_time::verify_slices_are_equal(hex.as_bytes(), expected.as_bytes()).is_ok()
}

/// Keys sorted by byte; the values of a repeated key once each, sorted.
fn joined(params: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in params {
        sorted.entry(key).or_default().insert(value);
    }
    sorted.iter().flat_map(|(key, values)| values.iter().flat_map(move |value| [*key, *value])).collect()
}

/// The URL as it is and, where it differs, with the standard port added or removed: the carrier is inconsistent.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let standard = match url.split_once("://") {
        Some(("https", rest)) => Some((rest, "https", ":443")),
        Some(("http", rest)) => Some((rest, "http", ":80")),
        _ => None,
    };
    if let Some((rest, scheme, port)) = standard {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        match authority.strip_suffix(port) {
            Some(host) => spellings.push(format!("{scheme}://{host}{path}")),
            None if authority[host_end..].contains(':') => {}
            None => spellings.push(format!("{scheme}://{authority}{port}{path}")),
        }
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_port_may_be_there_or_not() {
        for (url, other) in [
            ("https://a.test/w?x=:443", Some("https://a.test:443/w?x=:443")),
            ("https://a.test:443/w", Some("https://a.test/w")),
            ("http://a.test", Some("http://a.test:80")),
            ("http://a.test:443/", None),
            ("https://a.test:8443/w", None),
            ("https://[::1]/w", Some("https://[::1]:443/w")),
            ("https://[::1]:8443/w", None),
            ("a.test/w", None),
        ] {
            let expected: Vec<String> = [Some(url), other].into_iter().flatten().map(str::to_owned).collect();
            assert_eq!(spellings(url), expected);
        }
    }

    #[test]
    fn only_known_algorithms_are_known() {
        let known = "key=webhooks_sharedkey_0123, algorithm=HMAC_SHA256";
        assert_eq!(Algorithm::from_settings(known), Some(Algorithm::Sha256));
        for header in ["", "key=x", "algorithm=none", "algorithm=hmac_sha256", "algorithm"] {
            assert_eq!(Algorithm::from_settings(header), None, "{header}");
        }
    }
}

//! Twilio's identifiers: two letters and 32 hexadecimal digits. Nothing about what they name.

use aws_lc_rs::digest;

/// A new identifier, never given before.
pub(super) fn random(prefix: &str) -> String {
    format!("{prefix}{:032x}", rand::random::<u128>())
}

/// The same identifier for the same name, so that a number keeps its SID over a restart.
pub(super) fn stable(prefix: &str, name: &str) -> String {
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    format!("{prefix}{}", hex::encode(&hash.as_ref()[..16]))
}

/// Whether `text` is `prefix` and 32 hexadecimal digits.
pub(super) fn is(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

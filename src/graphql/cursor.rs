//! Opaque cursors: versioned and authenticated, so that a client can neither build one nor use one on another list.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    base::error::{Error, ErrorCode, Result},
    config::KeySet,
};

const VERSION: u8 = 1;
/// Bytes of the authentication tag that are kept: 64 bits guard against guessing what opens nothing secret.
const TAG: usize = 8;

/// Seals a place of a list. `list` names the list and its order, with the organisation.
pub fn seal(keys: &KeySet, list: &str, place: &[u8]) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(place);
    let tag = sign(keys.first().bytes(), list, &bytes);
    bytes.extend(&tag.as_ref()[..TAG]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Opens a cursor of the same list; `INVALID_CURSOR` for any other text.
pub fn open(keys: &KeySet, list: &str, cursor: &str) -> Result<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let (signed, tag) = bytes.split_at_checked(bytes.len().wrapping_sub(TAG)).ok_or_else(invalid)?;
    let genuine = keys.iter().any(|key| {
        let expected = sign(key.bytes(), list, signed);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..TAG], tag).is_ok()
    });
    match signed {
        [VERSION, place @ ..] if genuine => Ok(place.to_vec()),
        _ => Err(invalid()),
    }
}

fn sign(key: &[u8], list: &str, bytes: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(b"phonehub cursor\0");
    context.update(list.as_bytes());
    context.update(b"\0");
    context.update(bytes);
    context.sign()
}

/// The one answer to cursors that are malformed, forged, or of another list.
pub fn invalid() -> Error {
    Error::new(ErrorCode::InvalidCursor, "The cursor is not one of this list.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_opens_on_its_own_list_alone(place: Vec<u8>, list in "[a-z]{1,8}") {
            let keys = KeySet::generate("a");
            let cursor = seal(&keys, &list, &place);
            prop_assert_eq!(open(&keys, &list, &cursor).unwrap(), place);
            let other = [list.as_str(), "2"].concat();
            prop_assert!(open(&keys, &other, &cursor).is_err());
            prop_assert!(open(&KeySet::generate("a"), &list, &cursor).is_err());
        }

        #[test]
        fn arbitrary_text_is_refused(text: String) {
            prop_assert!(open(&KeySet::generate("a"), "list", &text).is_err());
        }
    }
}

//! Bounds of what an organisation may keep about a person.

use crate::base::error::{Error, Result};

/// Bytes of a contact's metadata as JSON.
const LARGEST_METADATA: usize = 16_384;
/// Characters of a name or external id.
const LONGEST_TEXT: usize = 200;

/// An object of at most 16 kB.
pub fn parse(value: serde_json::Value) -> Result<serde_json::Value> {
    if !value.is_object() {
        return Err(Error::input(&["metadata"], "Metadata is a JSON object."));
    }
    if value.to_string().len() > LARGEST_METADATA {
        return Err(Error::input(&["metadata"], "Metadata is at most 16 kB of JSON."));
    }
    Ok(value)
}

/// A text of one line, 1–200 characters.
pub fn text(text: &str, field: &'static str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=LONGEST_TEXT).contains(&length) || text.chars().any(char::is_control) {
        return Err(Error::input(&[field], "This is a text of one line, 1 to 200 characters."));
    }
    Ok(text.to_owned())
}

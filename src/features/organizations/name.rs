//! Names of people, organisations and keys: what is fit to be shown to others.

use crate::base::error::{Error, Result};

/// Characters that a name may have.
const LONGEST: usize = 200;

/// Cuts outer white space; refuses empty, over-long and invisible or direction-changing text, which could make one
/// name look like another. `field` is where the input came from.
pub fn parse(raw: &str, field: &'static str) -> Result<String> {
    let name = raw.trim();
    if name.is_empty() || name.chars().nth(LONGEST).is_some() {
        return Err(Error::input(&[field], "A name has 1 to 200 characters."));
    }
    if name.chars().any(is_unfit) {
        return Err(Error::input(&[field], "A name cannot hold control characters."));
    }
    Ok(name.to_owned())
}

/// Control characters, line and paragraph separators, bidirectional overrides and isolates (Unicode UAX #9).
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_bounded() {
        assert_eq!(parse("  Zoë 李 ", "name").unwrap(), "Zoë 李");
        assert!(parse(&"é".repeat(200), "name").is_ok(), "characters count, not bytes");
        for raw in ["", " \t ", "a\u{7}b", "a\nb", "a\u{202e}b", "a\u{2066}b", &"a".repeat(201)] {
            assert_eq!(parse(raw, "name").unwrap_err().field, ["input", "name"], "{raw:?}");
        }
    }
}

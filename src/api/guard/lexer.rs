//! Bounds a document's text before the parser, which recurses once per bracket without a limit of its own.
//! It knows strings, block strings and comments just well enough to skip what is inside; it builds nothing.

use super::{Limits, Refused, RefusedCode};

/// Caps the size, tokens and bracket nesting of a document in one pass without allocation.
///
/// Strings and comments are skipped as the grammar skips them, so a bracket inside one does not count and one that
/// the parser would see is never hidden. An unterminated string is refused here.
pub fn check_source(source: &str, limits: &Limits) -> Result<(), Refused> {
    if source.len() > limits.document_bytes {
        return Err(too_large("bytes", limits.document_bytes));
    }
    let mut rest = source.as_bytes();
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    while let Some(&byte) = rest.first() {
        let (length, counts) = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => (1, false),
            b'#' => (rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len()), false),
            b'"' => (string_length(rest).ok_or_else(unterminated)?, true),
            b'.' if rest.starts_with(b"...") => (3, true),
            b if is_word(b) => (rest.iter().take_while(|&&b| is_word(b)).count(), true),
            b if b >= 0x80 => (1, false),
            _ => (1, true),
        };
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens += usize::from(counts);
        if depth > limits.nesting {
            let message = format!("The document nests brackets more than {} deep.", limits.nesting);
            return Err(Refused::new(RefusedCode::TooComplex, message));
        }
        if tokens > limits.tokens {
            return Err(too_large("tokens", limits.tokens));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The bytes of the string at the start of `rest`, quotes included; `None` when it does not end.
fn string_length(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(br#"""""#) { block_string_length(rest) } else { line_string_length(rest) }
}

fn block_string_length(rest: &[u8]) -> Option<usize> {
    let mut at = 3;
    loop {
        match rest.get(at..)? {
            [] => return None,
            [b'\\', b'"', b'"', b'"', ..] => at += 4,
            [b'"', b'"', b'"', ..] => return Some(at + 3),
            _ => at += 1,
        }
    }
}

fn line_string_length(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn unterminated() -> Refused {
    Refused::new(RefusedCode::Syntax, "The document has a string that does not end.")
}

fn too_large(what: &str, limit: usize) -> Refused {
    Refused::new(RefusedCode::TooLarge, format!("The document has more than {limit} {what}."))
}

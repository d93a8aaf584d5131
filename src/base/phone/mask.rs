//! Numbers as logs may show them.

use std::borrow::Cow;
use std::ops::Range;

const HIDDEN: &str = "•••";
/// Runs of at least this many digits are taken for a phone number in free text.
const NUMBER_LENGTH: usize = 7;

/// Hides the middle of a number, at least three digits and always in three dots, so that its length is not told:
/// `+1415•••0123`, and less of a short one.
pub fn mask(number: &str) -> String {
    let length = number.chars().count();
    let (head, tail) = match length {
        12.. => (5, 4),
        8.. => (3, 2),
        _ => (0, length.saturating_sub(3).min(2)),
    };
    let start: String = number.chars().take(head).collect();
    let end: String = number.chars().skip(length - tail).collect();
    format!("{start}{HIDDEN}{end}")
}

/// Masks everything in a text that could be a phone number; for a carrier's own words, which often quote one.
/// SIDs keep their digits: a run inside a longer word is left alone.
pub fn mask_numbers_in(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(run) = next_number(text, from) {
        masked.push_str(&text[copied..run.start]);
        masked.push_str(&mask(&text[run.clone()]));
        copied = run.end;
        from = run.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

fn next_number(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| at + n);
        let word_before = at > 0 && bytes[at - 1].is_ascii_alphabetic();
        let word_after = bytes.get(end).is_some_and(u8::is_ascii_alphabetic);
        if end - at >= NUMBER_LENGTH && !word_before && !word_after {
            let start = if at > 0 && bytes[at - 1] == b'+' { at - 1 } else { at };
            return Some(start..end);
        }
        at = end;
    }
    None
}

//! How many SMS segments a text takes, and the smart encoding that saves some. Nothing here knows a price or a carrier.
//!
//! Source: 3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation), counted as Twilio's own calculator counts;
//! `specs/sms_segment_vectors.json` holds its answers.

mod tables;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use self::tables::{BASIC, EXTENSION, SMART};

/// Septets that fit in a message of one segment.
const GSM7_SINGLE: u32 = 160;
/// Septets that fit in each segment of several: the concatenation header takes seven.
const GSM7_EACH: u32 = 153;
/// UTF-16 code units that fit in a message of one segment.
const UCS2_SINGLE: u32 = 70;
/// UTF-16 code units that fit in each segment of several: the header takes three.
const UCS2_EACH: u32 = 67;

/// The alphabet that the radio network carries a text in; one character outside GSM-7 turns the whole text to UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GSM 03.38, basic set and extension table; units are septets.
    Gsm7,
    /// UTF-16 in effect; units are 16-bit code units.
    Ucs2,
}

/// What a text costs on the air: carriers bill by segment, so this is what a price is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segments {
    /// The alphabet of the whole text.
    pub encoding: Encoding,
    /// Parts the text is sent in; 0 for an empty text.
    pub segments: u32,
    /// Septets or code units of the text, concatenation headers not counted.
    pub units: u32,
}

impl Segments {
    /// Counts a text as it will be billed. Neither an escape pair, nor a surrogate pair, nor a grapheme cluster
    /// straddles two segments. No allocation.
    pub fn count(body: &str) -> Self {
        let mut segments = 0;
        let (encoding, units) = split(body, |_| segments += 1);
        Self { encoding, segments, units }
    }
}

/// Replaces characters outside the 7-bit alphabet by look-alikes inside it (`“` by `"`, `…` by `...`), as Twilio's
/// `SmartEncoded` does; borrows where there is nothing to replace.
pub fn smart_encode(body: &str) -> Cow<'_, str> {
    let Some(first) = body.find(|c| substitute(c).is_some()) else {
        return Cow::Borrowed(body);
    };
    let (clean, rest) = body.split_at(first);
    let mut encoded = String::with_capacity(body.len() + 8);
    encoded.push_str(clean);
    for c in rest.chars() {
        match substitute(c) {
            Some(replacement) => encoded.push_str(replacement),
            None => encoded.push(c),
        }
    }
    Cow::Owned(encoded)
}

fn split(body: &str, closed: impl FnMut(u32)) -> (Encoding, u32) {
    match gsm7_units(body) {
        Some(units) if units <= GSM7_SINGLE => (Encoding::Gsm7, whole(units, closed)),
        Some(units) => {
            let mut fill = Fill::new(GSM7_EACH, closed);
            body.chars().filter_map(septets).for_each(|piece| fill.push(piece));
            fill.finish();
            (Encoding::Gsm7, units)
        }
        None => (Encoding::Ucs2, split_ucs2(body, closed)),
    }
}

fn split_ucs2(body: &str, closed: impl FnMut(u32)) -> u32 {
    let units = utf16_units(body);
    if units <= UCS2_SINGLE {
        return whole(units, closed);
    }
    let mut fill = Fill::new(UCS2_EACH, closed);
    for grapheme in body.graphemes(true) {
        let size = utf16_units(grapheme);
        if size > UCS2_EACH || grapheme == "\r\n" {
            grapheme.chars().for_each(|c| fill.push(u32::from(c.len_utf16() == 2) + 1));
        } else {
            fill.push(size);
        }
    }
    fill.finish();
    units
}

fn whole(units: u32, mut closed: impl FnMut(u32)) -> u32 {
    if units > 0 {
        closed(units);
    }
    units
}

/// `None` as soon as one character is outside the 7-bit alphabet.
fn gsm7_units(body: &str) -> Option<u32> {
    body.chars().try_fold(0_u32, |sum, c| Some(sum.saturating_add(septets(c)?)))
}

fn utf16_units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

fn septets(c: char) -> Option<u32> {
    const ASCII: [u8; 128] = ascii_septets();
    match ASCII.get(c as usize) {
        Some(0) => None,
        Some(&septets) => Some(u32::from(septets)),
        None if BASIC.binary_search(&c).is_ok() => Some(1),
        None if EXTENSION.binary_search(&c).is_ok() => Some(2),
        None => None,
    }
}

fn substitute(c: char) -> Option<&'static str> {
    const ASCII: [bool; 128] = ascii_substituted();
    if ASCII.get(c as usize) == Some(&false) {
        return None;
    }
    SMART.binary_search_by_key(&c, |&(from, _)| from).ok().map(|at| SMART[at].1)
}

const fn ascii_septets() -> [u8; 128] {
    let mut septets = [0; 128];
    let mut at = 0;
    while at < BASIC.len() {
        if BASIC[at].is_ascii() {
            septets[BASIC[at] as usize] = 1;
        }
        at += 1;
    }
    at = 0;
    while at < EXTENSION.len() {
        if EXTENSION[at].is_ascii() {
            septets[EXTENSION[at] as usize] = 2;
        }
        at += 1;
    }
    septets
}

const fn ascii_substituted() -> [bool; 128] {
    let mut substituted = [false; 128];
    let mut at = 0;
    while at < SMART.len() {
        if SMART[at].0.is_ascii() {
            substituted[SMART[at].0 as usize] = true;
        }
        at += 1;
    }
    substituted
}

/// Fills segments of one capacity with pieces that are never cut, and tells the size of each when it closes.
struct Fill<F> {
    capacity: u32,
    used: u32,
    closed: F,
}

impl<F: FnMut(u32)> Fill<F> {
    fn new(capacity: u32, closed: F) -> Self {
        Self { capacity, used: 0, closed }
    }

    fn push(&mut self, piece: u32) {
        if self.used + piece > self.capacity {
            (self.closed)(self.used);
            self.used = 0;
        }
        self.used += piece;
    }

    fn finish(mut self) {
        if self.used > 0 {
            (self.closed)(self.used);
        }
    }
}

#[cfg(test)]
mod tests;

//! How the emulated carrier cuts and alters a text: GSM 03.38, UCS-2, smart encoding, shortened links.
//! Twilio's tables come from `specs/`; the counting is the sandbox's own, so that it cannot share a mistake
//! with what it tests.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use serde::Deserialize;

use super::sid;

#[derive(Deserialize)]
struct Tables {
    gsm_basic_code_points: HashSet<u32>,
    gsm_extension_code_points: HashSet<u32>,
    smart_encoding: HashMap<String, String>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../specs/sms_segment_vectors.json"))
        .expect("the vectors are part of the source and a test reads them")
});

/// Segments that `body` takes; at least one.
pub(super) fn count(body: &str) -> u32 {
    let septets: Option<Vec<usize>> = body.chars().map(gsm_septets).collect();
    match septets {
        Some(units) => pack(&units, 160, 153),
        None => pack(&body.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

fn gsm_septets(character: char) -> Option<usize> {
    let point = u32::from(character);
    if TABLES.gsm_basic_code_points.contains(&point) {
        Some(1)
    } else {
        TABLES.gsm_extension_code_points.contains(&point).then_some(2)
    }
}

/// An escape or surrogate pair never straddles a boundary, so 306 septets can need three segments.
fn pack(units: &[usize], single: usize, concatenated: usize) -> u32 {
    if units.iter().sum::<usize>() <= single {
        return 1;
    }
    let mut segments = 1;
    let mut used = 0;
    for unit in units {
        if used + unit > concatenated {
            segments += 1;
            used = 0;
        }
        used += unit;
    }
    segments
}

/// Replaces what has a GSM look-alike, as `SmartEncoded=true` asks.
pub(super) fn smart_encode(body: &str) -> String {
    let mut buffer = [0; 4];
    body.chars().fold(String::with_capacity(body.len()), |mut out, character| {
        let plain: &str = character.encode_utf8(&mut buffer);
        out.push_str(TABLES.smart_encoding.get(plain).map_or(plain, String::as_str));
        out
    })
}

/// Replaces every link by a short one, as Twilio's link shortening does.
pub(super) fn shorten_links(body: &str) -> String {
    let words = body.split(' ').map(|word| {
        let is_link = word.starts_with("http://") || word.starts_with("https://");
        if is_link {
            format!("https://twil.example/{}", &sid::stable("", word)[..8])
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::*;

const VECTORS: &str = include_str!("../../../specs/sms_segment_vectors.json");

#[derive(Deserialize)]
struct Vectors {
    gsm_basic_code_points: Vec<u32>,
    gsm_extension_code_points: Vec<u32>,
    smart_encoding: BTreeMap<char, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    parts: Vec<(String, usize)>,
    plain: Expected,
    smart: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    encoding: String,
    segments: u32,
    units_per_segment: Vec<u32>,
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).expect("the vectors are valid JSON")
}

fn check(name: &str, body: &str, expected: &Expected) {
    let mut sizes = Vec::new();
    let (encoding, units) = split(body, |size| sizes.push(size));
    let encoding = match encoding {
        Encoding::Gsm7 => "GSM-7",
        Encoding::Ucs2 => "UCS-2",
    };
    assert_eq!(encoding, expected.encoding, "{name}");
    assert_eq!(sizes, expected.units_per_segment, "{name}");
    assert_eq!(units, sizes.iter().sum::<u32>(), "{name}");
    assert_eq!(Segments::count(body).segments, expected.segments, "{name}");
}

#[test]
fn every_vector_counts_as_the_official_calculator_does() {
    let cases = vectors().cases;
    assert_eq!(cases.len(), 40);
    for case in &cases {
        let body: String = case.parts.iter().map(|(text, times)| text.repeat(*times)).collect();
        check(&case.name, &body, &case.plain);
        check(&case.name, &smart_encode(&body), case.smart.as_ref().unwrap_or(&case.plain));
    }
}

#[test]
fn the_tables_are_those_of_the_vectors() {
    let expected = vectors();
    let points = |table: &[char]| table.iter().map(|&c| c as u32).collect::<Vec<_>>();
    assert_eq!(points(BASIC), expected.gsm_basic_code_points);
    assert_eq!(points(EXTENSION), expected.gsm_extension_code_points);
    let smart: BTreeMap<char, String> = SMART.iter().map(|&(from, to)| (from, to.to_owned())).collect();
    assert_eq!(smart, expected.smart_encoding);
    assert!(SMART.is_sorted_by_key(|&(from, _)| from), "looked up by binary search");
}

#[test]
fn an_empty_text_needs_no_segment() {
    assert_eq!(Segments::count(""), Segments { encoding: Encoding::Gsm7, segments: 0, units: 0 });
}

#[test]
fn plain_ascii_is_not_copied() {
    assert!(matches!(smart_encode("Your code is 123456 [ok]"), Cow::Borrowed(_)));
    assert_eq!(smart_encode("“it’s…”"), "\"it's...\"");
}

#[test]
fn a_cluster_larger_than_a_segment_is_cut_between_characters() {
    let zalgo = format!("ж{}", "\u{0301}".repeat(200));
    let mut sizes = Vec::new();
    let (_, units) = split(&zalgo, |size| sizes.push(size));
    assert_eq!((units, sizes), (201, vec![67, 67, 67]));
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[ -~]{1,40}".boxed(),
        2 => "[\\[\\]{}€^|~]{1,60}".boxed(),
        1 => "[ж-я]{1,40}".boxed(),
        1 => Just("👨‍👩‍👧‍👦".to_owned()).boxed(),
        1 => Just("🇩🇪\r\n".to_owned()).boxed(),
        1 => "\\PC{0,20}".boxed(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn appending_never_saves_a_segment(text in texts(), more in texts()) {
        let before = Segments::count(&text);
        let after = Segments::count(&format!("{text}{more}"));
        prop_assert!(after.segments >= before.segments, "{before:?} became {after:?}");
    }

    #[test]
    fn no_segment_is_overfull_and_none_is_lost(text in texts()) {
        let mut sizes = Vec::new();
        let (encoding, units) = split(&text, |size| sizes.push(size));
        let (single, each) = match encoding {
            Encoding::Gsm7 => (GSM7_SINGLE, GSM7_EACH),
            Encoding::Ucs2 => (UCS2_SINGLE, UCS2_EACH),
        };
        let limit = if sizes.len() == 1 { single } else { each };
        prop_assert!(sizes.iter().all(|&size| 0 < size && size <= limit), "{sizes:?}");
        prop_assert_eq!(sizes.iter().sum::<u32>(), units);
    }

    #[test]
    fn smart_encoding_twice_is_smart_encoding_once(text in texts()) {
        let once = smart_encode(&text).into_owned();
        prop_assert_eq!(smart_encode(&once).into_owned(), once.clone());
        prop_assert!(Segments::count(&once).encoding == Encoding::Gsm7
            || Segments::count(&text).encoding == Encoding::Ucs2);
    }
}

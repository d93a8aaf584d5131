//! The pure parts against Twilio's own tables: segments, smart encoding, opt-out words, `TwiML`; and the test
//! numbers against libphonenumber.

use serde_json::Value;

use crate::sandbox::{
    TEST_NUMBERS,
    optout::Keyword,
    segments,
    twiml::{self, MALFORMED, Reply, SCHEMA},
};

#[test]
fn segments_are_those_of_the_official_calculator() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../specs/sms_segment_vectors.json")).expect("JSON");
    let mut checked = 0;
    for case in vectors["cases"].as_array().expect("a list") {
        let name = case["name"].as_str().expect("a name");
        // The calculator keeps grapheme clusters whole; the radio, and the sandbox, cut between code points.
        if name.contains("grapheme") {
            continue;
        }
        let part = |part: &Value| {
            let times = usize::try_from(part[1].as_u64().expect("a count")).expect("a small count");
            part[0].as_str().expect("a text").repeat(times)
        };
        let body: String = case["parts"].as_array().expect("a list").iter().map(part).collect();
        // The empty text takes none at the calculator; the sandbox never counts one for an SMS.
        let expected = case["plain"]["segments"].as_u64().expect("a count").max(1);
        assert_eq!(u64::from(segments::count(&body)), expected, "{name}");
        if let Some(smart) = case["smart"]["segments"].as_u64() {
            assert_eq!(u64::from(segments::count(&segments::smart_encode(&body))), smart.max(1), "{name}");
        }
        checked += 1;
    }
    assert!(checked >= 30, "{checked} cases");
}

#[test]
fn opt_out_words_stand_alone() {
    for (word, keyword) in [
        ("Stop", Some(Keyword::Stop)),
        (" REVOKE\n", Some(Keyword::Stop)),
        ("optout", Some(Keyword::Stop)),
        ("UNSTOP", Some(Keyword::Start)),
        ("yes", Some(Keyword::Start)),
        ("info", Some(Keyword::Help)),
        ("STOP.", None),
        ("STOP PLEASE", None),
        ("", None),
    ] {
        assert_eq!(Keyword::of(word), keyword, "{word:?}");
    }
}

#[test]
fn twiml_is_read_as_twilio_reads_it() {
    let text = |body: &str| Reply { body: body.to_owned(), ..Reply::default() };
    let full = Reply {
        body: "a < b".to_owned(),
        media: vec!["https://a.example/?x=1&y=2".to_owned()],
        to: Some("+12065550150".to_owned()),
        from: None,
        status_callback: Some("/status".to_owned()),
    };
    let cases = [
        ("<Response/>", Ok(vec![])),
        ("<Response></Response>", Ok(vec![])),
        ("<Response><Message>a &amp; &#98;</Message></Response>", Ok(vec![text("a & b")])),
        (
            "<Response><Message><![CDATA[<b>]]></Message><Message>2</Message></Response>",
            Ok(vec![text("<b>"), text("2")]),
        ),
        (
            "<?xml version='1.0' encoding='UTF-8'?>\n<Response>\n <Message to='+12065550150' statusCallback='/status'>\n  \
             <Body>a &lt; b</Body>\n  <Media>https://a.example/?x=1&amp;y=2</Media>\n </Message>\n</Response>",
            Ok(vec![full]),
        ),
        ("<Response><Message>a & b</Message></Response>", Err(MALFORMED)),
        ("<Response><Message>&nbsp;</Message></Response>", Err(MALFORMED)),
        ("<Response><Message>", Err(MALFORMED)),
        ("<Response></Message>", Err(MALFORMED)),
        ("hello", Err(MALFORMED)),
        ("<html/>", Err(SCHEMA)),
        ("<Response><Shout>a</Shout></Response>", Err(SCHEMA)),
        ("<Response><Message colour='red'>a</Message></Response>", Err(SCHEMA)),
    ];
    for (document, expected) in cases {
        assert_eq!(twiml::parse(document), expected, "{document}");
    }
}

#[test]
fn a_client_that_validates_lets_test_numbers_pass() {
    let valid = |number: &str| {
        let parsed = rlibphonenumber::PHONE_NUMBER_UTIL.parse(number, None).expect("a phone number");
        rlibphonenumber::PHONE_NUMBER_UTIL.is_valid_number(&parsed)
    };
    for number in TEST_NUMBERS {
        assert!(valid(number.phone_number), "{}", number.phone_number);
    }
    let documentation = include_str!("../mod.rs");
    for number in TEST_NUMBERS {
        assert!(documentation.contains(&format!("| {} |", number.phone_number)), "{}", number.phone_number);
    }
    let distinct: std::collections::HashSet<_> =
        TEST_NUMBERS.iter().map(|number| number.phone_number).collect();
    assert_eq!(distinct.len(), TEST_NUMBERS.len());
}

//! TwiML answers to messages: XML that stays XML whatever a text holds. Pure. Content type `text/xml`.

/// The content type that the carrier accepts (error 12300 with another one).
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Answers nothing: the message was taken.
pub fn empty() -> String {
    document(&[])
}

/// Answers with texts, sent from the number that was written to. The carrier takes 15 replies between two numbers in
/// 30 seconds (14107) and 64 KB of TwiML (11750).
pub fn replies(texts: &[&str]) -> String {
    document(texts)
}

fn document(texts: &[&str]) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    if texts.is_empty() {
        xml.push_str("<Response/>");
        return xml;
    }
    xml.push_str("<Response>");
    for text in texts {
        xml.push_str("<Message>");
        escape_into(&mut xml, text);
        xml.push_str("</Message>");
    }
    xml.push_str("</Response>");
    xml
}

/// Escapes for text and attributes alike, and drops what XML 1.0 (section 2.2) cannot carry even when escaped. A
/// carriage return is escaped because a parser would read it as a line feed.
fn escape_into(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(c),
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => xml.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;

    /// Reads the texts back with an independent parser.
    fn texts(xml: &str) -> Vec<String> {
        let mut reader = Reader::from_str(xml);
        let mut texts = Vec::new();
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(tag) if tag.name().as_ref() == b"Message" => texts.push(String::new()),
                Event::Text(text) => {
                    texts.last_mut().expect("in a message").push_str(&text.decode().expect("UTF-8"));
                }
                Event::GeneralRef(entity) => {
                    let c = entity.resolve_char_ref().expect("a reference").unwrap_or_else(|| named(&entity));
                    texts.last_mut().expect("in a message").push(c);
                }
                Event::Eof => return texts,
                _ => {}
            }
        }
    }

    fn named(entity: &[u8]) -> char {
        match entity {
            b"amp" => '&',
            b"lt" => '<',
            b"gt" => '>',
            b"quot" => '"',
            b"apos" => '\'',
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_answered_with_an_empty_response() {
        insta::assert_snapshot!(empty(), @r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#);
    }

    #[test]
    fn a_reply_is_escaped() {
        insta::assert_snapshot!(
            replies(&["Fish & chips < 5 € \"today\" 😀\u{0}\u{8}\u{FFFF}", "</Message><Dial>+1</Dial>"]),
            @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Message>Fish &amp; chips &lt; 5 € &quot;today&quot; 😀</Message><Message>&lt;/Message&gt;&lt;Dial&gt;+1&lt;/Dial&gt;</Message></Response>"#
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(sent in prop::collection::vec(any::<String>(), 1..4)) {
            let slices: Vec<&str> = sent.iter().map(String::as_str).collect();
            let carried = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
            let expected: Vec<String> = sent.iter().map(|text| text.chars().filter(carried).collect()).collect();
            prop_assert_eq!(texts(&replies(&slices)), expected);
        }
    }
}

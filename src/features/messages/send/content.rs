//! What a message may say: its text and the addresses of its files. Who gets it, and when, is decided elsewhere.

use url::Url;

use super::SendMessage;
use crate::base::error::{Error, ErrorCode, Result};

/// Characters that the carrier takes (carriers.md §1, code 21617).
const LONGEST_BODY: usize = 1600;
/// Media files that the carrier takes (code 21623).
const MOST_MEDIA: usize = 10;
/// Characters of a file's address; carriers and proxies cut longer ones off.
const LONGEST_URL: usize = 2048;

/// Refuses a message that says nothing, or more than a carrier takes.
pub(super) fn check_content(body: &str, input: &SendMessage) -> Result<()> {
    if is_blank(body) && input.media_urls.is_empty() {
        return Err(Error::new(ErrorCode::EmptyMessage, "Give a text or media.").at(&["body"]));
    }
    if body.chars().count() > LONGEST_BODY {
        return Err(
            Error::new(ErrorCode::MessageTooLong, "A text has at most 1,600 characters.").at(&["body"])
        );
    }
    if input.media_urls.len() > MOST_MEDIA {
        return Err(
            Error::new(ErrorCode::TooManyMedia, "A message has at most 10 media files.").at(&["mediaUrls"])
        );
    }
    if input.media_urls.iter().any(|url| url.chars().count() > LONGEST_URL) {
        return Err(Error::input(&["mediaUrls"], "The address of a file has at most 2,048 characters."));
    }
    let fetchable =
        |text: &String| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !input.media_urls.iter().all(fetchable) {
        return Err(Error::input(&["mediaUrls"], "Media need absolute http or https addresses."));
    }
    Ok(())
}

/// Whether a reader would see an empty bubble: white space and characters without width alone.
fn is_blank(body: &str) -> bool {
    body.chars().all(|c| c.is_whitespace() || has_no_width(c))
}

/// Invisible characters of Unicode (`Default_Ignorable_Code_Point`) that are used alone, and the blank braille pattern.
fn has_no_width(c: char) -> bool {
    matches!(c,
        '\0' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(urls: &[String]) -> SendMessage {
        SendMessage {
            to: crate::features::messages::recipient::Recipient::PhoneNumber("+12065550100".into()),
            idempotency_key: "one".into(),
            body: None,
            media_urls: urls.to_vec(),
            from: None,
            carrier_config_id: None,
            scheduled_at: None,
            validity_seconds: None,
            priority: None,
        }
    }

    #[test]
    fn what_nobody_could_see_is_no_text() {
        for blank in ["", " \n\t", "\u{200b}", "\u{feff}\u{2060} \u{3164}", "\u{2800}\u{ad}", "\u{a0}"] {
            let refused = check_content(blank, &files(&[])).expect_err("blank");
            assert_eq!(refused.code, ErrorCode::EmptyMessage, "{blank:?}");
        }
        for text in [".", "\u{200b}a", "👩\u{200d}💻", "٠"] {
            assert!(check_content(text, &files(&[])).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_files_address_has_2048_characters_at_most() {
        let url = |length: usize| format!("{:x<length$}", "https://example.com/");
        assert!(check_content("", &files(&[url(2_048)])).is_ok());
        let refused = check_content("", &files(&[url(20), url(2_049)])).expect_err("too long");
        assert_eq!(refused.code, ErrorCode::BadUserInput);
    }
}

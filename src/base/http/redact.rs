//! URLs as logs may show them.

use url::Url;

/// Shorter runs of digits in a path are years, pages and versions.
const NUMBER_LENGTH: usize = 7;

/// Scheme, host and path, without user, password, query and fragment; path segments that are phone numbers are
/// hidden.
pub fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path: Vec<&str> =
        url.path().split('/').map(|part| if is_number(part) { "•••" } else { part }).collect();
    format!("{}://{host}{port}{}", url.scheme(), path.join("/"))
}

fn is_number(segment: &str) -> bool {
    let digits = segment.trim_start_matches("%2B").trim_start_matches('+');
    digits.len() >= NUMBER_LENGTH && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left() {
        for (url, expected) in [
            (
                "https://user:secret@api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?To=%2B14155550123#x",
                "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            ),
            (
                "http://127.0.0.1:8081/v2/PhoneNumbers/+14155550123?a=b",
                "http://127.0.0.1:8081/v2/PhoneNumbers/•••",
            ),
            ("https://x.test/v2/PhoneNumbers/%2B14155550123", "https://x.test/v2/PhoneNumbers/•••"),
        ] {
            assert_eq!(redacted(&Url::parse(url).expect("a URL")), expected);
        }
    }
}

//! The e-mail address as a sign-in name: parsed once, lower case, masked wherever it is logged. Sends no mail.

use std::fmt;

use crate::base::error::{Error, Result};

/// Longest address that a mail path can carry (RFC 5321 §4.5.3.1.3).
const LONGEST: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;

/// A lower-case address of plain form (RFC 5321 dot-atom, a domain of two labels or more). `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads what a person typed. Quoted local parts, address literals and letters beyond ASCII are refused: two
    /// spellings of one sign-in name would be two people.
    pub fn parse(raw: &str) -> Result<Self> {
        let text = raw.trim();
        let (local, domain) = text.rsplit_once('@').unwrap_or_default();
        if text.len() > LONGEST || !is_local_part(local) || !is_domain(domain) {
            return Err(Error::input(&["email"], "This is not an e-mail address."));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The whole address, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For logs and the audit log: `a•••@example.com`.
    pub fn masked(&self) -> String {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        format!("{}•••@{domain}", &self.0[..1])
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

fn is_local_part(local: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    local.len() <= LONGEST_LOCAL_PART
        && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(allowed))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_spelling() {
        let email = Email::parse("  Ada.Lovelace+news@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+news@example.com");
        assert_eq!(format!("{email:?}"), "a•••@example.com");
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!(
            "a@{}.com",
            ["b".repeat(60), "c".repeat(60), "d".repeat(60), "e".repeat(60), "f".repeat(20)].join(".")
        );
        for raw in [
            "",
            "@",
            "a@",
            "@b.c",
            "a@localhost",
            "a b@example.com",
            "a@exa mple.com",
            "a@b@c.d",
            ".a@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b..c",
            "\"a\"@b.c",
            "a@[127.0.0.1]",
            "a@b.c\n",
            "ä@example.com",
            "a\u{0}@b.c",
            &long,
            &longer,
        ] {
            let answer = Email::parse(raw);
            if raw == "a@b.c\n" {
                assert!(answer.is_ok(), "outer white space is cut");
            } else {
                assert_eq!(answer.unwrap_err().field, ["input", "email"], "{raw}");
            }
        }
    }
}

//! STOP, START and HELP: what carriers take for a command (carriers.md, Opt-out). Pure.

/// What a message asks for when the whole of it is a word that every carrier knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Who are you?
    Help,
}

/// Twilio's families, REVOKE and OPTOUT included since 2025.
const STOP: [&str; 8] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];
const HELP: [&str; 2] = ["HELP", "INFO"];

impl Command {
    /// The command that a body is, if it is one: the whole body, trimmed, in any case, one word. `STOP PLEASE` is none.
    /// Marks around a refusal (`Stop.`, `"STOP"`) do not undo it; consent is taken only as it is spelt.
    pub fn of(body: &str) -> Option<Self> {
        let word = body.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let is_one_of =
            |family: &[&str], word: &str| family.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is_one_of(&STOP, word.trim_matches(is_mark)) {
            return Some(Self::Stop);
        }
        if is_one_of(&START, word) {
            return Some(Self::Start);
        }
        is_one_of(&HELP, word.trim_end_matches(is_mark)).then_some(Self::Help)
    }
}

fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation() || matches!(c, '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '…' | '¡' | '¿')
}

/// Zero-width characters and byte order marks that keyboards and gateways slip in.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_are_known_in_any_case() {
        for (family, command) in
            [(&STOP[..], Command::Stop), (&START[..], Command::Start), (&HELP[..], Command::Help)]
        {
            for word in family {
                let capital = format!("{}{}", &word[..1], word[1..].to_lowercase());
                for body in [(*word).to_owned(), word.to_lowercase(), capital, format!(" \n{word}\t ")] {
                    assert_eq!(Command::of(&body), Some(command), "{body:?}");
                }
            }
        }
    }

    #[test]
    fn only_a_whole_message_is_a_command() {
        for body in
            ["STOP PLEASE", "please stop", "don't stop", "STOPP", "", " ", ".", "STOP\nSTOP", "opt out"]
        {
            assert_eq!(Command::of(body), None, "{body:?}");
        }
    }

    #[test]
    fn marks_do_not_undo_a_refusal_and_make_no_consent() {
        for body in ["Stop.", "\"STOP\"", "STOP!!", "“Stop”", "\u{feff}stop", "stop…", "'end'"] {
            assert_eq!(Command::of(body), Some(Command::Stop), "{body:?}");
        }
        assert_eq!(Command::of("help?"), Some(Command::Help));
        for body in ["yes!", "\"START\"", "start?"] {
            assert_eq!(Command::of(body), None, "{body:?}");
        }
    }
}

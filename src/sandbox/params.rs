//! Parameters of a request, from a form body or a query: CamelCase names, repeated for lists. No meaning is
//! given to them here.

use url::form_urlencoded;

use super::errors::Refusal;

/// Decoded name and value pairs, in the order of the request.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value unless it is empty, as Twilio treats most of them.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A Boolean, false when absent; 20001 for anything but `true` and `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.filled(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::bad(20001, format!("Parameter '{name}' must be a boolean"))),
        }
    }

    /// A whole number; 20001 for anything else.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.filled(name) else { return Ok(None) };
        let number = value
            .parse()
            .map_err(|_| Refusal::bad(20001, format!("Parameter '{name}' is not an integer")))?;
        Ok(Some(number))
    }
}

//! Finds the raw value of each setting, environment before file, and gathers everything that is wrong. Knows no setting.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::settings::{OURS, SETTINGS, Setting, TESTS};

/// Raw values under their canonical names, and the problems found so far.
pub(super) struct Reader {
    values: BTreeMap<&'static str, String>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(vars: impl IntoIterator<Item = (String, String)>, file: Option<&str>) -> Self {
        let mut reader = Self { values: BTreeMap::new(), problems: Vec::new() };
        if let Some(text) = file {
            reader.take_file(text);
        }
        // The environment as a whole comes after the file, so that an alias in one beats the name in the other.
        let mut environment = BTreeMap::new();
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            match canonical(&name) {
                Some(setting) => reader.take(&mut environment, setting, &name, &value),
                None if is_ours(&name) => reader.unknown(&name),
                None => {}
            }
        }
        reader.values.extend(environment);
        reader
    }

    fn take_file(&mut self, text: &str) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                // Only the place: the parser's own words quote the line, which may hold a secret.
                let line =
                    error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
                return self
                    .problem("PHONEHUB_CONFIG", format!("line {} of the file is not TOML.", line + 1));
            }
        };
        let mut file = BTreeMap::new();
        for (name, value) in table {
            match (canonical(&name), flat(&value)) {
                (Some(setting), Some(value)) if value.is_empty() => drop((setting, value)),
                (Some(setting), Some(value)) => self.take(&mut file, setting, &name, &value),
                (Some(_), None) => {
                    self.problem(&name, "write a text, a number, a boolean or a list of texts in the file.");
                }
                (None, _) => self.unknown(&name),
            }
        }
        self.values.extend(file);
    }

    fn take(
        &mut self,
        into: &mut BTreeMap<&'static str, String>,
        setting: &'static Setting,
        name: &str,
        value: &str,
    ) {
        let other = into.insert(setting.name, value.to_owned());
        if other.is_some_and(|other| other != value) {
            let alias = setting.alias.unwrap_or(name);
            self.problem(
                setting.name,
                format!("{alias} means the same and says otherwise; keep one of them."),
            );
        }
    }

    fn unknown(&mut self, name: &str) {
        let sentence = match nearest(name) {
            Some(known) => format!("no setting has this name; did you mean {known}?"),
            None => "no setting has this name; remove it, or look it up in docs/configuration.md.".to_owned(),
        };
        self.problem(name, sentence);
    }

    /// Whether a value was given, right or wrong.
    pub(super) fn is_set(&self, setting: &'static Setting) -> bool {
        self.values.contains_key(setting.name)
    }

    /// The parsed value, or `None` when it is missing or wrong (then a problem is noted).
    pub(super) fn optional<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let raw = self.values.get(setting.name)?;
        match parse(raw) {
            Ok(value) => Some(value),
            Err(why) => {
                let given = if setting.secret { "the value".to_owned() } else { format!("{raw:?}") };
                self.problem(setting.name, format!("{given} {why}; expected {}.", setting.form));
                None
            }
        }
    }

    /// The parsed value, or the table's default when it is missing or wrong (then a problem is noted).
    pub(super) fn value<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        if let Some(value) = self.optional(setting, &parse) {
            return value;
        }
        let default = setting.default.expect("settings without a default are read with `optional`");
        parse(default).unwrap_or_else(|why| panic!("{}'s default {default:?} {why}", setting.name))
    }

    /// Notes what is wrong with `name` and what to do.
    pub(super) fn problem(&mut self, name: &str, sentence: impl Into<String>) {
        self.problems.push(Problem { name: name.to_owned(), sentence: sentence.into() });
    }

    /// The configuration, when nothing is wrong with it.
    pub(super) fn finish<T>(self, config: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(config) } else { Err(self.problems) }
    }
}

fn canonical(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().copied().find(|setting| setting.name == name || setting.alias == Some(name))
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|prefix| name.starts_with(prefix)) && !name.starts_with(TESTS)
}

fn flat(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// The known name that a typing mistake most likely meant: at most a third of its letters differ.
fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    SETTINGS
        .iter()
        .map(|setting| (distance(&upper, setting.name), setting.name))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known)
}

/// Levenshtein distance over bytes; names are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

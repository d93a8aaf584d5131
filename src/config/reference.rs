//! Writes `docs/configuration.md` from the table of settings, so that the page cannot be wrong about a name or a default.

use std::fmt::Write;

use super::settings::{Group, SETTINGS, Setting};

const HEAD: &str = "\
# Configuration

Every setting is a variable of the environment, or a line of the same name in the TOML file that `PHONEHUB_CONFIG`
names; the environment wins. An empty value counts as not set. Everything is checked once at start: an unknown name under
`PHONEHUB_` or `TWILIO_`, a value out of range or two settings that contradict each other stop the start with a sentence
that says what to do, all of them together. Names under `PHONEHUB_TEST_` belong to the tests.

Durations are a number and a unit: `500ms`, `30s`, `15m`, `12h`, `7d`. Values marked *secret* are never logged or shown.

This page is written from the table in `src/config/settings.rs`; a test compares it
(`UPDATE_DOCS=1 cargo test configuration_page` writes it anew).
";

/// The text of `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for group in Group::ALL {
        chapter(&mut page, group);
    }
    page
}

fn chapter(page: &mut String, group: Group) {
    let _ = write!(page, "\n## {}\n\n| name | value | default | about |\n|---|---|---|---|\n", group.title());
    for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
        row(page, setting);
    }
}

fn row(page: &mut String, setting: &Setting) {
    let alias = setting.alias.map_or(String::new(), |alias| format!(" (older: `{alias}`)"));
    let secret = if setting.secret { ", *secret*" } else { "" };
    let default = match setting.default {
        None => "not set".to_owned(),
        Some("") => "empty".to_owned(),
        Some(value) => format!("`{value}`"),
    };
    let (name, form, about) = (setting.name, setting.form, setting.about);
    let _ = writeln!(page, "| `{name}`{alias} | {form}{secret} | {default} | {about} |");
}

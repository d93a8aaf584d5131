//! No secret of a library reaches a log at any level; metrics come out with their names, buckets and descriptions.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use entity::ids::OrganizationId;

use super::*;
use crate::base::phone::{PhoneNumber, Region};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn some_lines() {
    let span = span_of_request("req-1");
    let _in = span.enter();
    note_organization(OrganizationId(uuid::Uuid::nil()));
    tracing::trace!(to = "+1206•••0142", "handed over");
    tracing::trace!(target: "h2::codec", "canary-secret in a frame");
    tracing::debug!(target: "sqlx::query", "canary-secret in a statement");
    PhoneNumber::parse("(206) 555-0182", Region::US).unwrap();
}

fn written(start: impl FnOnce(Page)) -> String {
    let page = Page::default();
    start(page.clone());
    page.text()
}

#[test]
fn wire_dumps_stay_out_at_every_level() {
    for filter in ["trace", "trace,h2=trace,sqlx=trace", "h2::codec=trace,trace"] {
        let text = written(|page| {
            let _guard = text_log(filter, move || page.clone()).set_default();
            some_lines();
        });
        assert!(text.contains("handed over") && text.contains("req-1"), "{text}");
        assert!(!text.contains("canary-secret") && !text.contains("5550182"), "{filter}: {text}");
    }
}

#[test]
fn json_lines_are_objects_with_the_span() {
    let text = written(|page| {
        let _guard = json_log("trace", move || page.clone()).set_default();
        some_lines();
    });
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(line["message"], "handed over");
    assert_eq!(line["span"]["request_id"], "req-1");
    assert_eq!(line["span"]["organization"], OrganizationId(uuid::Uuid::nil()).to_string());
    assert_eq!(line["to"], "+1206•••0142");
}

#[test]
fn metrics_render_with_description_and_buckets() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        names::describe();
        metrics::counter!(names::WEBHOOK_REFUSALS, "reason" => "signature").increment(2);
        metrics::histogram!(names::CARRIER_REQUEST_SECONDS, "provider" => "twilio").record(0.2);
    });
    let text = handle.render();
    assert!(text.contains("# HELP phonehub_webhook_refusals_total Webhooks refused"), "{text}");
    assert!(text.contains("phonehub_webhook_refusals_total{reason=\"signature\"} 2"), "{text}");
    assert!(text.contains("phonehub_slow_subscribers_total 0\n"), "counters begin at 0: {text}");
    assert!(text.contains("phonehub_sign_in_refusals_total{reason=\"throttled\"} 0\n"), "{text}");
    assert!(
        text.contains("phonehub_carrier_request_seconds_bucket{provider=\"twilio\",le=\"0.25\"} 1"),
        "{text}"
    );
}

#[test]
fn names_follow_the_conventions() {
    for metric in names::ALL {
        assert!(metric.name.starts_with("phonehub_"), "{}", metric.name);
        let is_total = metric.name.ends_with("_total");
        assert_eq!(is_total, metric.kind == names::Kind::Counter, "{}", metric.name);
        let timed = matches!(metric.kind, names::Kind::Histogram(_));
        assert!(!timed || metric.name.ends_with("_seconds"), "{}", metric.name);
    }
}

#[test]
fn metrics_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, names::reference()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, names::reference(), "write it anew: UPDATE_DOCS=1 cargo test metrics_page");
}

/// Words of `text` that begin with `phonehub_` and go on in lower case.
fn metric_words(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("phonehub_")).map(str::to_owned).collect()
}

fn is_known(word: &str) -> bool {
    let base = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| word.strip_suffix(suffix));
    names::ALL.iter().any(|metric| metric.name == word || Some(metric.name) == base)
}

/// The texts of all sources of `src` but this room's.
fn sources() -> Vec<String> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("telemetry") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

#[test]
fn the_table_and_what_is_written_are_the_same() {
    let sources = sources();
    let calls = sources.iter().flat_map(|text| text.split("!(\"").skip(1));
    let written: BTreeSet<_> =
        calls.flat_map(|call| metric_words(&call[..call.find('"').unwrap_or(0)])).collect();
    let unknown: Vec<_> = written.iter().filter(|word| !is_known(word)).collect();
    assert!(unknown.is_empty(), "describe them in names.rs: {unknown:?}");
    let table =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/base/telemetry/names.rs")).unwrap();
    for metric in names::ALL {
        let id = table.split(&format!(" = \"{}\"", metric.name)).next().unwrap().rsplit(' ').next().unwrap();
        let by_id = format!("names::{id}");
        let used = written.contains(metric.name) || sources.iter().any(|text| text.contains(&by_id));
        assert!(used, "nothing writes {}", metric.name);
    }
}

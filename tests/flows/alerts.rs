//! The alert rules and the scenarios that play them (`scripts/alerts`), held to what a real server exposes: a rule over a
//! series that does not exist is never true, and a scenario over one proves nothing.

use std::{collections::BTreeMap, fs};

use phonehub::base::telemetry::names::{self, Kind, Metric};

use crate::harness::{TestApp, eventually};

/// Labels that Prometheus itself adds to what it scrapes.
const TARGET: [&str; 2] = ["instance", "job"];

/// `name{label op "value", …}` as it stands in a rule, a scenario or on the page.
#[derive(Debug, PartialEq)]
struct Series {
    name: String,
    labels: Vec<(String, String, String)>,
}

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/docs/operations/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Every series that a text mentions.
fn series(text: &str) -> Vec<Series> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("phonehub_") {
        let rest = &text[at..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let inside = rest[end..].strip_prefix('{').map_or("", up_to_brace);
        found.push(Series { name: rest[..end].to_owned(), labels: matchers(inside) });
    }
    found
}

/// Up to the brace that closes the labels; values may hold braces.
fn up_to_brace(text: &str) -> &str {
    let mut is_quoted = false;
    let closes = |c: char| {
        is_quoted ^= c == '"';
        c == '}' && !is_quoted
    };
    &text[..text.find(closes).unwrap()]
}

fn matchers(inside: &str) -> Vec<(String, String, String)> {
    let parts =
        inside.split("\",").map(|part| part.trim().trim_end_matches('"')).filter(|part| !part.is_empty());
    let split = |part: &str| {
        let (left, value) = part.split_once('"').unwrap();
        let name = left.trim_end_matches(['=', '!', '~']);
        (name.to_owned(), left[name.len()..].to_owned(), value.to_owned())
    };
    parts.map(split).collect()
}

/// The metric whose series has this name; a histogram has none under its own.
fn metric_of(name: &str) -> Option<&'static Metric> {
    let of = |base: &str| names::ALL.iter().find(|metric| metric.name == base);
    let parts = ["_bucket", "_count", "_sum"];
    match parts.iter().find_map(|part| of(name.strip_suffix(part)?)) {
        Some(metric) => matches!(metric.kind, Kind::Histogram(_)).then_some(metric),
        None => of(name).filter(|metric| !matches!(metric.kind, Kind::Histogram(_))),
    }
}

/// What no server exposes among a series' labels.
fn faults(series: &Series) -> Vec<String> {
    let Some(metric) = metric_of(&series.name) else { return vec![format!("no metric {}", series.name)] };
    let unknown = |(name, op, value): &&(String, String, String)| match (name.as_str(), metric.kind) {
        (name, _) if TARGET.contains(&name) => false,
        ("le", Kind::Histogram(bounds)) if series.name.ends_with("_bucket") => {
            value != "+Inf" && !bounds.iter().any(|bound| bound.to_string() == *value)
        }
        (name, _) => !metric.labels.iter().any(|label| {
            let is_listed = label.values.is_empty() || label.values.contains(&value.as_str());
            label.name == name && (is_listed || op.contains('~'))
        }),
    };
    series.labels.iter().filter(unknown).map(|fault| format!("{} has no {fault:?}", series.name)).collect()
}

/// The same for a whole rule: also what it groups by.
fn faults_of_rule(rule: &str) -> Vec<String> {
    let mentioned = series(rule);
    let mut faults: Vec<String> = mentioned.iter().flat_map(faults).collect();
    let has = |label: &str| {
        let mut labels = mentioned.iter().filter_map(|one| metric_of(&one.name)).flat_map(|one| one.labels);
        let is_bucket = mentioned.iter().any(|one| one.name.ends_with("_bucket"));
        TARGET.contains(&label) || (label == "le" && is_bucket) || labels.any(|one| one.name == label)
    };
    let groups = rule.split(" by (").skip(1).map(|rest| &rest[..rest.find(')').unwrap()]);
    let grouped = groups.flat_map(|inside| inside.split(", "));
    faults.extend(grouped.filter(|label| !has(label)).map(|label| format!("nothing has the label {label}")));
    faults
}

fn rules() -> BTreeMap<String, String> {
    let text = file("alerts.yml");
    let rules = text.split("- alert: ").skip(1);
    rules.map(|rule| (rule.lines().next().unwrap().to_owned(), rule.to_owned())).collect()
}

#[test]
fn every_rule_asks_for_what_exists_and_is_played_both_ways() {
    let scenarios = file("alerts.test.yml");
    let rules = rules();
    assert!(rules.len() > 10);
    for (name, rule) in &rules {
        assert_eq!(faults_of_rule(rule), Vec::<String>::new(), "{name}");
        let fires =
            scenarios.contains(&format!("alertname: {name}\n        exp_alerts:\n          - exp_labels"));
        let is_quiet = scenarios.contains(&format!("alertname: {name}, exp_alerts: []"));
        assert!(fires && is_quiet, "play {name} in alerts.test.yml, firing and quiet");
    }
}

#[test]
fn the_scenarios_play_series_that_a_server_exposes() {
    for played in series(&file("alerts.test.yml")) {
        assert_eq!(faults(&played), Vec::<String>::new());
        let metric = metric_of(&played.name).unwrap();
        let has = |name: &str| played.labels.iter().any(|(label, ..)| label == name);
        let is_whole = metric.labels.iter().all(|label| has(label.name));
        assert!(is_whole && has("le") == played.name.ends_with("_bucket"), "{played:?} lacks a label");
    }
}

#[test]
fn a_rule_over_what_does_not_exist_is_found() {
    for wrong in [
        "max(phonehub_jobs_lost) > 0",
        "phonehub_job_seconds > 1",
        "phonehub_jobs_dead_count > 1",
        "phonehub_jobs_dead{queue=\"x\"} > 1",
        "phonehub_webhook_refusals_total{instance=\"a\", reason=\"signature\"} > 1",
        "rate(phonehub_carrier_request_seconds_bucket{le=\"7\"}[5m]) > 1",
        "sum by (provider, tenant) (phonehub_carrier_errors_total) > 1",
    ] {
        assert_eq!(faults_of_rule(wrong).len(), 1, "{wrong}");
    }
    let right =
        "sum by (instance, reason) (phonehub_webhook_refusals_total{reason=\"too_large\", job=~\"p.*\"})";
    assert_eq!(faults_of_rule(right), Vec::<String>::new());
}

/// One message that is sent and one that is refused, and everything that the rules ask for is on the page: each series
/// exactly as the table says.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_exposes_what_the_rules_ask_for() {
    let app = TestApp::start().await;
    app.send("+12065550112", "taken", "one").await;
    app.send("+12065550103", "refused", "two").await;
    let asked: Vec<Series> = rules().values().flat_map(|rule| series(rule)).collect();
    let is_there = |page: &[Series], wanted: &Series| {
        let exact = wanted.labels.iter().filter(|(_, op, _)| op == "=");
        let has = |one: &Series| exact.clone().all(|label| one.labels.contains(label));
        page.iter().any(|one| one.name == wanted.name && has(one))
    };
    let page = eventually("every series that a rule asks for is exposed", async || {
        let page = app.http.get(format!("{}/metrics", app.url())).send().await.unwrap().text().await.unwrap();
        let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        let page = series(&lines.join("\n"));
        let without_redis =
            |wanted: &&Series| wanted.name != names::REDIS_UP || app.hub().config.redis.is_some();
        asked.iter().filter(without_redis).all(|wanted| is_there(&page, wanted)).then_some(page)
    })
    .await;
    for exposed in page {
        assert_eq!(faults(&exposed), Vec::<String>::new());
        let metric = metric_of(&exposed.name).unwrap();
        let count = metric.labels.len() + usize::from(exposed.name.ends_with("_bucket"));
        assert_eq!(exposed.labels.len(), count, "{exposed:?}");
    }
}

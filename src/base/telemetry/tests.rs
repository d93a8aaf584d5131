//! No secret of a library reaches a log at any level; metrics come out with their names, buckets and descriptions.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;

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
    let span = tracing::info_span!("request", request_id = "req-1", organization = "org_1");
    let _in = span.enter();
    tracing::trace!(to = "+1206•••0142", "handed over");
    tracing::trace!(target: "h2::codec", "canary-secret in a frame");
    tracing::debug!(target: "sqlx::query", "canary-secret in a statement");
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
        assert!(!text.contains("canary-secret"), "{filter}: {text}");
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

//! Database queries a request, counted (bench.md): independent of the size of the page.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use super::{Office, data};
use crate::base::telemetry::names;

const LAST: &str =
    "query($first: Int!) { messages(first: $first) { nodes { id direction from to body status createdAt
    number { id address } conversation { id contactNumber unreadCount } } } }";

fn statements(handle: &PrometheusHandle) -> u64 {
    let count = format!("{}_count ", names::DATABASE_QUERY_SECONDS);
    let text = handle.render();
    text.lines().find_map(|line| line.strip_prefix(&count)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn queries_do_not_grow_with_the_page() {
    let office = Office::open().await;
    let mut one = office.sent("+12065550100").await;
    for n in 1..50 {
        one = office.sent(&format!("+120655501{n:02}")).await;
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let mut before = 0;
    let mut spent = || {
        let now = statements(&handle);
        now - std::mem::replace(&mut before, now)
    };
    for first in [5, 50] {
        let page = data(&office.ctx, LAST, json!({ "first": first })).await;
        let nodes = page["messages"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), first);
        assert!(
            nodes
                .iter()
                .all(|node| node["number"]["id"].is_string() && node["conversation"]["id"].is_string())
        );
        assert_eq!(spent(), 3, "messages, numbers, conversations");
    }
    let by_id = "query($id: ID!) { message(id: $id) { id body status segments price { amount } } }";
    data(&office.ctx, by_id, json!({ "id": one.id.to_string() })).await;
    assert_eq!(spent(), 1);
    let detail = "{ messages(first: 50) { nodes { media { url } attempts { ordinal } timeline { kind } author { name } } } }";
    data(&office.ctx, detail, json!({})).await;
    assert_eq!(spent(), 3, "messages, attempts, timelines: none has media or an author");
}

//! A carrier account that never answers costs its own organisation time and nobody else.

use serde_json::json;

use crate::harness::{Options, TestApp, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hangs_does_not_hold_up_another() {
    let settings = vec![
        ("PHONEHUB_WORKERS", "4".to_owned()),
        ("PHONEHUB_CARRIER_TIMEOUT", "5s".to_owned()),
        ("PHONEHUB_IN_DOUBT_WINDOW", "1s".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let (hanging, other) = (app.tenant(json!({})).await, app.tenant(json!({})).await);
    for n in 0..5 {
        let to = format!("+1206555012{n}");
        app.fault(json!({ "fault": "hang", "when": "before", "ms": 60_000, "match": { "to": to } })).await;
        hanging.gql.send(&to, "Hello", &format!("hanging {n}")).await;
    }
    eventually("three hang", async || {
        let stats = app.stage("stats", None).await;
        let asked =
            (0..5).filter(|n| stats["recipients"][format!("+1206555012{n}")]["requests"] == 1).count();
        (asked == 3).then_some(())
    })
    .await;
    let mut statuses = app.watch(&other.gql).await;
    let id = other.gql.send("+12065550108", "Hello", "other").await;
    statuses.until(&id, "DELIVERED").await;
    let mut hung = 0;
    for n in 0..5 {
        hung += app.requests(&format!("+1206555012{n}")).await;
    }
    assert_eq!(hung, 3, "the other's message did not wait for the first time-out");
}

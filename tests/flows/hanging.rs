//! A carrier account that never answers costs those who use it time and nobody else.

use serde_json::json;

use crate::harness::{Gql, Options, TestApp, eventually, kinds};

const HANGING: usize = 8;

fn phone(n: usize) -> String {
    format!("+1206555012{n}")
}

async fn app() -> TestApp {
    let settings = vec![
        ("PHONEHUB_WORKERS", "4".to_owned()),
        ("PHONEHUB_CARRIER_TIMEOUT", "8s".to_owned()),
        ("PHONEHUB_IN_DOUBT_WINDOW", "1s".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    for n in 0..HANGING {
        let fault = json!({ "fault": "hang", "when": "before", "ms": 60_000, "match": { "to": phone(n) } });
        app.fault(fault).await;
    }
    app
}

/// Waits until `least` of the messages hang, and requires that one to another account's phone does not wait for them.
async fn nobody_else_waits(app: &TestApp, hanging: &[(Gql, String)], least: usize) {
    eventually("all slots were taken", async || {
        let stats = app.stage("stats", None).await;
        let asked = (0..HANGING).filter(|n| stats["recipients"][phone(*n)]["requests"] == 1).count();
        (asked >= least).then_some(())
    })
    .await;
    let other = app.tenant(json!({})).await;
    let mut statuses = app.watch(&other.gql).await;
    let id = other.gql.send("+12065550108", "Hello", "other").await;
    statuses.until(&id, "DELIVERED").await;
    for (gql, id) in hanging {
        let message = gql.message(id).await;
        assert!(!kinds(&message).contains(&"IN_DOUBT"), "the other one waited for a time-out: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hangs_does_not_hold_up_another() {
    let app = app().await;
    let one = app.tenant(json!({})).await;
    let mut hanging = Vec::new();
    for n in 0..HANGING {
        let id = one.gql.send(&phone(n), "Hello", &format!("hanging {n}")).await;
        hanging.push((app.gql_as(&one.gql.token), id));
    }
    nobody_else_waits(&app, &hanging, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_many_share_does_not_hold_up_another_either() {
    let app = app().await;
    let mut hanging = Vec::new();
    for n in 0..HANGING {
        let (_, token) = app.another_organization(&format!("Sharer {n}")).await;
        let gql = app.gql_as(&token);
        let id = gql.send(&phone(n), "Hello", "hanging").await;
        hanging.push((gql, id));
    }
    nobody_else_waits(&app, &hanging, 4).await;
}

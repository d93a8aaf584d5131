//! Messages in doubt that are nothing but pictures: the carrier's list tells how many files each has, and not which.

use serde_json::{Value, json};

use crate::harness::{Options, Tenant, TestApp, eventually};

const PHONE: &str = "+12065550120";

async fn start(window: &str) -> (TestApp, Tenant) {
    let settings = vec![
        ("PHONEHUB_CARRIER_TIMEOUT", "1s".to_owned()),
        ("PHONEHUB_IN_DOUBT_WINDOW", window.to_owned()),
        ("PHONEHUB_POLL_AFTER", "1s".to_owned()),
    ];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({ "inDoubtPolicy": "RESEND" })).await;
    app.fault(json!({ "fault": "drop_callbacks" })).await;
    (app, tenant)
}

/// Sends only these files, to a carrier that takes them (`after`) or not (`before`) and then breaks the connection.
async fn send_cut_off(app: &TestApp, tenant: &Tenant, when: &str, files: &[&str]) -> String {
    app.fault(json!({ "fault": "reset", "when": when, "times": 1 })).await;
    let id = tenant
        .gql
        .send_input(
            json!({ "to": { "phoneNumber": PHONE }, "mediaUrls": files, "idempotencyKey": files.join(" ") }),
        )
        .await;
    eventually("it is in doubt", async || {
        let message = tenant.gql.message(&id).await;
        (message["attempts"][0]["state"] == "IN_DOUBT").then_some(())
    })
    .await;
    id
}

fn files(copy: &Value) -> usize {
    copy["media"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_with_as_many_files_is_ours() {
    let (app, tenant) = start("5s").await;
    let mut statuses = app.watch(&tenant.gql).await;
    let lost = send_cut_off(&app, &tenant, "before", &["https://a.test/1.jpg"]).await;
    let taken = send_cut_off(&app, &tenant, "after", &["https://a.test/1.jpg", "https://a.test/2.jpg"]).await;
    for (id, count) in [(&taken, 2), (&lost, 1)] {
        statuses.until(id, "DELIVERED").await;
        let sid = tenant.gql.message(id).await["carrierMessageId"].take();
        let copies = app.copies(PHONE).await;
        let ours: Vec<_> = copies.iter().filter(|copy| files(copy) == count).collect();
        assert_eq!(ours.len(), 1, "{copies:?}");
        assert_eq!(ours[0]["sid"], sid);
    }
    assert_eq!(app.copies(PHONE).await.len(), 2);
}

/// One copy and two messages that it may be: guessing would send one twice and the other never.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_list_cannot_tell_two_pictures_apart_a_person_decides() {
    let (app, tenant) = start("1h").await;
    let mut statuses = app.watch(&tenant.gql).await;
    let lost = send_cut_off(&app, &tenant, "before", &["https://a.test/1.jpg"]).await;
    let taken = send_cut_off(&app, &tenant, "after", &["https://a.test/2.jpg"]).await;
    app.clock.advance(chrono::Duration::hours(11));
    for id in [&lost, &taken] {
        statuses.until(id, "UNKNOWN").await;
        assert_eq!(tenant.gql.message(id).await["carrierMessageId"], Value::Null);
    }
    assert_eq!(app.copies(PHONE).await.len(), 1, "neither was sent again");
}

//! Work that died: seen by admins, shown by the message that it was about, and taken up again by either.

use chrono::Duration;
use entity::{carrier_config, ids::CarrierConfigId};
use phonehub::base::tx::Tx;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::{Value, json};

use crate::harness::{Options, Tenant, TestApp, eventually, kinds};

const PHONE: &str = "+12065550120";
const DEAD_JOBS: &str = "{ deadJobs(first: 10) { nodes { id kind subject tries lastError deadAt } } }";
const REDRIVE: &str = "mutation($input: RedriveJobInput!) { redriveJob(input: $input) { \
     job { id tries deadAt } userErrors { code field } } }";

/// Damages sealed credentials, or mends them: turned round twice they are as they were.
async fn turn_round(app: &TestApp, config: &str) {
    let tx = Tx::begin(app.hub()).await.unwrap();
    let row = carrier_config::Entity::find_by_id(config.parse::<CarrierConfigId>().unwrap())
        .one(&*tx)
        .await
        .unwrap()
        .unwrap();
    let turned = row.credentials.iter().rev().copied().collect();
    let mut row = row.into_active_model();
    row.credentials = Set(turned);
    row.update(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// A tenant whose damaged credentials nobody can open.
async fn start() -> (TestApp, Tenant) {
    let settings = vec![("PHONEHUB_JOB_ATTEMPTS", "2".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let tenant = app.tenant(json!({})).await;
    turn_round(&app, &tenant.config).await;
    (app, tenant)
}

async fn dead(tenant: &Tenant) -> Vec<Value> {
    let page = tenant.gql.ok(DEAD_JOBS, json!({})).await["deadJobs"]["nodes"].take();
    page.as_array().unwrap().clone()
}

/// The dead job of each message.
async fn die(app: &TestApp, tenant: &Tenant, count: usize) -> Vec<Value> {
    eventually("the jobs die", async || {
        app.clock.advance(Duration::seconds(30));
        let jobs = dead(tenant).await;
        (jobs.len() == count).then_some(jobs)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_job_is_seen_and_redriven() {
    let (app, tenant) = start().await;
    let mut statuses = app.watch(&tenant.gql).await;
    let id = tenant.gql.send(PHONE, "Hello", "first").await;
    let job = die(&app, &tenant, 1).await.remove(0);
    assert_eq!((&job["kind"], &job["subject"]), (&json!("deliver"), &json!(id)));
    assert!(job["deadAt"].is_string() && job["lastError"].is_string(), "{job}");
    statuses.until(&id, "UNKNOWN").await;
    let message = tenant.gql.message(&id).await;
    assert!(message["errorMessage"].as_str().unwrap().contains("gave up"), "{message}");
    let held = message["timeline"].as_array().unwrap().last().unwrap();
    assert_eq!((&held["kind"], &held["detail"]["job"]), (&json!("HELD"), &job["id"]));
    assert_eq!(held["detail"]["tries"], 2);
    let foreign = app.gql().ok(REDRIVE, json!({ "input": { "jobId": job["id"] } })).await;
    assert_eq!(foreign["redriveJob"]["userErrors"][0]["code"], "NOT_FOUND");

    turn_round(&app, &tenant.config).await;
    let redriven =
        tenant.gql.ok(REDRIVE, json!({ "input": { "jobId": job["id"] } })).await["redriveJob"].take();
    assert_eq!((&redriven["userErrors"], &redriven["job"]["deadAt"]), (&json!([]), &Value::Null));
    statuses.until(&id, "DELIVERED").await;
    assert_eq!(app.copies(PHONE).await.len(), 1);
    assert_eq!(tenant.gql.message(&id).await["errorMessage"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_job_died_is_resolved_and_its_job_with_it() {
    let (app, tenant) = start().await;
    let mut statuses = app.watch(&tenant.gql).await;
    let resend = tenant.gql.send(PHONE, "Hello", "resend").await;
    let give_up = tenant.gql.send(PHONE, "Hello", "give up").await;
    die(&app, &tenant, 2).await;
    turn_round(&app, &tenant.config).await;
    for (id, resolution) in [(&resend, "RESEND"), (&give_up, "FAILED")] {
        statuses.until(id, "UNKNOWN").await;
        assert_eq!(tenant.gql.resolve(id, resolution).await["userErrors"], json!([]));
    }
    statuses.until(&resend, "DELIVERED").await;
    statuses.until(&give_up, "FAILED").await;
    assert!(kinds(&tenant.gql.message(&give_up).await).ends_with(&["HELD", "RESOLVED"]));
    assert_eq!(dead(&tenant).await, Vec::<Value>::new());
    assert_eq!(app.copies(PHONE).await.len(), 1);
}

//! Whose a carrier account is: that of whom the carrier lets in. Naming somebody's account gives nothing, having lost it
//! keeps nothing, and a server that starts without its carrier is believed as soon as the carrier is there.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Gql, NUMBER, Options, TOKEN, TestApp, eventually};

const SAVE: &str = "mutation($input: SaveCarrierConfigInput!) { saveCarrierConfig(input: $input) { \
     carrierConfig { id provenAt webhookAddresses { incoming } } userErrors { code field } } }";
const SEEN: &str = "{ carrierConfigs { id isSystem provenAt } numbers { nodes { address } } }";
const WRONG: &str = "ffffffffffffffffffffffffffffffff";
const SENDER: &str = "+12065550190";

/// Saves a config of this account and gives the payload.
async fn save(app: &TestApp, gql: &Gql, (sid, token): (&str, &str), sender: &str) -> Value {
    let input = json!({ "credentials": { "accountSid": sid, "authToken": token },
        "baseUrl": app.sandbox.base_url(), "senders": [sender] });
    gql.ok(SAVE, json!({ "input": input })).await["saveCarrierConfig"].take()
}

fn refusal(payload: &Value) -> (&str, &Value) {
    assert!(payload["carrierConfig"].is_null(), "{payload}");
    (payload["userErrors"][0]["code"].as_str().unwrap(), &payload["userErrors"][0]["field"])
}

/// The caller's own config and senders.
async fn own(gql: &Gql) -> (Option<Value>, Vec<Value>) {
    let seen = gql.ok(SEEN, json!({})).await;
    let config = seen["carrierConfigs"].as_array().unwrap().iter().find(|config| config["isSystem"] == false);
    let senders = seen["numbers"]["nodes"].as_array().unwrap().iter().map(|one| one["address"].clone());
    (config.cloned(), senders.collect())
}

async fn organization(app: &TestApp, name: &str) -> Gql {
    app.gql_as(&app.another_organization(name).await.1)
}

/// An account at the carrier.
async fn account(app: &TestApp) -> (String, String) {
    let account = app.stage("accounts", Some(json!({}))).await;
    let text = |name: &str| account[name].as_str().unwrap().to_owned();
    (text("sid"), text("auth_token"))
}

async fn change_token(app: &TestApp, sid: &str, token: &str) {
    app.stage("accounts", Some(json!({ "sid": sid, "auth_token": token }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_account_by_naming_it() {
    let app = TestApp::start().await;
    let (sid, token) = account(&app).await;
    let (squatter, owner) = (organization(&app, "Squatter").await, organization(&app, "Owner").await);
    for (named, secret) in [(sid.as_str(), WRONG), ("AC00000000000000000000000000000009", WRONG)] {
        let refused = save(&app, &squatter, (named, secret), SENDER).await;
        assert_eq!(refusal(&refused), ("AUTH_FAILED", &json!(["input", "credentials"])));
    }
    assert!(own(&squatter).await.0.is_none(), "nothing was written");
    let saved = save(&app, &owner, (&sid, &token), SENDER).await;
    assert!(saved["carrierConfig"]["provenAt"].is_string(), "{saved}");
    assert_eq!(own(&owner).await.1, [SENDER]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_an_account_keeps_nothing_from_its_owner() {
    let app = TestApp::start().await;
    let (sid, old) = account(&app).await;
    let (former, owner) = (organization(&app, "Former").await, organization(&app, "Owner").await);
    let saved = save(&app, &former, (&sid, &old), SENDER).await;
    let formers_url = saved["carrierConfig"]["webhookAddresses"]["incoming"].as_str().unwrap().to_owned();
    let both = save(&app, &owner, (&sid, &old), SENDER).await;
    assert_eq!(refusal(&both), ("CONFLICT", &json!(["input", "senders"])), "the carrier lets both in");

    change_token(&app, &sid, "0000000000000000000000000000abcd").await;
    let saved = save(&app, &owner, (&sid, "0000000000000000000000000000abcd"), SENDER).await;
    assert_eq!(saved["userErrors"], json!([]));
    assert_eq!(own(&owner).await.1, [SENDER]);
    let (config, senders) = own(&former).await;
    assert!(senders.is_empty() && config.unwrap()["provenAt"].is_null());

    let params = [
        ("AccountSid", sid.as_str()),
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("From", "+12065550112"),
        ("To", SENDER),
        ("Body", "forged"),
    ];
    assert_eq!(app.webhook(&formers_url, &params, &old).await.status().as_u16(), 403, "it signs for itself");
    let url = saved["carrierConfig"]["webhookAddresses"]["incoming"].as_str().unwrap();
    let answer = app.webhook(url, &params, "0000000000000000000000000000abcd").await;
    assert_eq!(answer.status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_is_down_is_told_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let (sid, token) = account(&app).await;
    let owner = organization(&app, "Owner").await;
    app.fault(
        json!({ "fault": "server_error", "when": "before", "on": "account", "account": sid, "times": 1 }),
    )
    .await;
    let refused = save(&app, &owner, (&sid, &token), SENDER).await;
    assert_eq!(refusal(&refused), ("SERVICE_UNAVAILABLE", &json!(["input", "credentials"])));
    assert!(own(&owner).await.0.is_none());
    assert_eq!(save(&app, &owner, (&sid, &token), SENDER).await["userErrors"], json!([]));
}

/// The state of the system config as everybody sees it.
async fn system_is_proven(gql: &Gql) -> bool {
    let seen = gql.ok(SEEN, json!({})).await;
    let configs = seen["carrierConfigs"].as_array().unwrap();
    configs.iter().any(|config| config["isSystem"] == true && config["provenAt"].is_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_without_its_carrier_is_believed_once_it_is_there() {
    let settings = vec![("TWILIO_AUTH_TOKEN", WRONG.to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    assert!(!system_is_proven(&app.gql()).await);
    assert_eq!(app.readiness().await["carrier"], "DOWN");
    assert_eq!(own(&app.gql()).await.1, [NUMBER], "what the environment names is there meanwhile");
    change_token(&app, ACCOUNT, WRONG).await;
    eventually("the carrier lets the system config in", async || {
        app.clock.advance(chrono::Duration::seconds(1));
        system_is_proven(&app.gql()).await.then_some(())
    })
    .await;
    assert_eq!(app.readiness().await["carrier"], "UP");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_names_a_foreign_account_gives_way_to_its_owner() {
    let settings = vec![("TWILIO_AUTH_TOKEN", WRONG.to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let owner = organization(&app, "Owner").await;
    assert_eq!(save(&app, &owner, (ACCOUNT, TOKEN), NUMBER).await["userErrors"], json!([]));
    assert_eq!(own(&owner).await.1, [NUMBER]);
    assert!(own(&app.gql()).await.1.is_empty());
}

//! Outgoing webhooks lead nowhere inside and to nobody else: private addresses, redirects, other organisations.

use serde_json::{Value, json};

use crate::harness::{Options, Receiver, Reply, TestApp, eventually};

const UNKNOWN_ENDPOINT: &str = "whe_01jd0000000000000000000000";
const UNKNOWN_DELIVERY: &str = "whd_01jd0000000000000000000000";
const CONTACT: &str =
    "mutation { upsertContact(input: { externalId: \"7\", name: \"Ann\" }) { userErrors { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn private_and_plain_addresses_are_refused() {
    let app = TestApp::start().await;
    for url in [
        "https://10.0.0.1/hooks",
        "https://192.168.1.1/hooks",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/hooks",
        "https://[fd00::1]/hooks",
        "https://0x0a000001/hooks",
        "https://100.64.0.1/hooks",
        "http://example.com/hooks",
        "https://user:secret@example.com/hooks",
        "ftp://example.com/hooks",
    ] {
        let payload = app.gql().try_endpoint(url, &["CONTACT_UPDATED"]).await;
        assert_eq!(payload["userErrors"][0]["code"], "BAD_USER_INPUT", "{url}");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", "url"]), "{url}");
        assert_eq!(payload["secret"], Value::Null, "{url}");
    }
}

/// A name says nothing before it is resolved: then its addresses are judged, and nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_inside_is_not_called() {
    let carrier = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER", "TWILIO_BASE_URL"];
    let mut settings: Vec<_> = carrier.map(|name| (name, String::new())).into();
    settings.push(("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "false".to_owned()));
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let receiver = Receiver::start().await;
    let gql = app.gql();
    let refused = gql.try_endpoint(&receiver.url, &["CONTACT_UPDATED"]).await;
    assert_eq!(refused["userErrors"][0]["code"], "BAD_USER_INPUT", "loopback needs the setting");
    let inside = receiver.url.replace("http://127.0.0.1", "https://localhost");
    let endpoint = gql.endpoint(&inside, &["CONTACT_UPDATED"]).await;
    gql.ok(CONTACT, json!({})).await;
    let error = eventually("the attempt is recorded", async || {
        let found = gql.webhook_endpoint(&endpoint.id).await;
        found["deliveries"]["nodes"][0]["attempts"][0]["error"].as_str().map(str::to_owned)
    })
    .await;
    assert!(error.contains("not public"), "{error}");
    assert_eq!(receiver.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let app = TestApp::start().await;
    let (asked, target) = (Receiver::start().await, Receiver::start().await);
    let to = target.url.clone();
    asked.answer(move |_| Reply::Redirect(to.clone()));
    let endpoint = app.gql().endpoint(&asked.url, &["CONTACT_UPDATED"]).await;
    app.gql().ok(CONTACT, json!({})).await;
    let attempt = eventually("the attempt is recorded", async || {
        let found = app.gql().webhook_endpoint(&endpoint.id).await;
        found.pointer("/deliveries/nodes/0/attempts/0").cloned()
    })
    .await;
    assert_eq!(attempt["httpStatus"], 307);
    assert_eq!(target.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organisation_sees_and_gets_nothing() {
    let app = TestApp::start().await;
    let (ours, theirs) = (Receiver::start().await, Receiver::start().await);
    let gql = app.gql();
    let endpoint = gql.endpoint(&ours.url, &["CONTACT_UPDATED"]).await;
    let (other, token) = app.another_organization("Other").await;
    let stranger = app.gql_as(&token);
    stranger.endpoint(&theirs.url, &["CONTACT_UPDATED"]).await;
    gql.ok(CONTACT, json!({})).await;
    stranger.ok(CONTACT, json!({})).await;
    assert_eq!(theirs.until(1).await[0].body["organizationId"], json!(other.id));
    assert_eq!(ours.until(1).await[0].body["organizationId"], json!(app.organization.id));
    assert_eq!((ours.seen().len(), theirs.seen().len()), (1, 1));

    let found = gql.webhook_endpoint(&endpoint.id).await;
    let delivery = found["deliveries"]["nodes"][0]["id"].as_str().unwrap();
    for document in [
        "query($e: ID!, $d: ID!) { webhookEndpoint(id: $e) { id } nodes(ids: [$e, $d]) { id } }",
        "mutation($e: ID!, $d: ID!) {
            updateWebhookEndpoint(input: { id: $e, description: \"x\" }) { userErrors { code message field } }
            deleteWebhookEndpoint(input: { id: $e }) { deletedId userErrors { code message field } }
            rotateWebhookSecret(input: { id: $e }) { secret userErrors { code message field } }
            one: redeliver(input: { deliveryId: $d }) { userErrors { code message field } }
            all: redeliver(input: { endpoint: { id: $e, since: \"2026-01-01T00:00:00Z\" } }) {
                userErrors { code message field } } }",
    ] {
        let foreign = stranger.ok(document, json!({ "e": endpoint.id, "d": delivery })).await;
        let missing = stranger.ok(document, json!({ "e": UNKNOWN_ENDPOINT, "d": UNKNOWN_DELIVERY })).await;
        assert_eq!(foreign, missing);
    }
    assert_eq!(gql.webhook_endpoint(&endpoint.id).await["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(ours.seen().len(), 1);
}

//! Operators suspend an organisation: it reads and is written to, but neither changes nor sends until it may go on.

use chrono::Duration;
use serde_json::{Value, json};

use crate::harness::{Options, Subscription, TestApp, Types, eventually};

const SUSPEND: &str = "mutation($id: ID!) { suspendOrganization(input: { organizationId: $id, reason: \"Unpaid\" }) { \
     organization { id suspendedAt } userErrors { code field } } }";
const RESUME: &str = "mutation($id: ID!) { resumeOrganization(input: { organizationId: $id }) { \
     organization { id suspendedAt } userErrors { code field } } }";
const AUDIT: &str = "query($action: String!) { auditEvents(first: 10, filter: { action: $action }) { \
     nodes { actor subject outcome detail user { name } } } }";
const PHONE: &str = "+12065550131";
/// What people do for themselves, and operators for all.
const PERSONAL: [&str; 11] = [
    "acceptInvitation",
    "changePassword",
    "refreshSession",
    "resetPassword",
    "resumeOrganization",
    "signIn",
    "signOut",
    "signUp",
    "suspendOrganization",
    "switchOrganization",
    "updateProfile",
];

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_organisation_reads_and_receives_and_sends_nothing() {
    let settings = vec![("PHONEHUB_ACCESS_TOKEN_TTL", "12h".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let operator = app.operator().await;
    let tenant = app.tenant(json!({})).await;
    let id = tenant.gql.ok("{ organization { id } }", json!({})).await["organization"]["id"].take();
    let received = "subscription { messageReceived { cursor node { body } } }";
    let mut inbox = Subscription::open(app.apps[0].addr, &tenant.gql.token, received, json!({})).await;
    inbox.ready().await;
    let mut statuses = app.watch(&tenant.gql).await;
    let at = app.clock.now() + Duration::minutes(5);
    let waiting =
        json!({ "to": { "phoneNumber": PHONE }, "body": "Later", "idempotencyKey": "1", "scheduledAt": at });
    let waiting = tenant.gql.send_input(waiting).await;

    for stranger in [&tenant.gql, &app.gql()] {
        assert_eq!(code(&stranger.raw(SUSPEND, json!({ "id": id })).await), "FORBIDDEN");
    }
    let done = operator.ok(SUSPEND, json!({ "id": id })).await["suspendOrganization"].take();
    assert!(done["organization"]["suspendedAt"].is_string(), "{done}");
    app.clock.advance(Duration::minutes(10));

    // It changes nothing, by whatever mutation.
    let types = Types::of(&tenant.gql).await;
    for (name, input) in types.mutations().into_iter().filter(|(name, _)| !PERSONAL.contains(&name.as_str()))
    {
        let query =
            format!("mutation {{ {name}(input: {}) {{ userErrors {{ code }} }} }}", literal(&types, &input));
        let answer = tenant.gql.raw(&query, json!({})).await;
        assert_eq!(code(&answer), "ORGANIZATION_SUSPENDED", "{name}: {answer}");
    }
    // It reads, and what is sent to it arrives, on sockets too.
    let said = app.say(PHONE, &tenant.number, "Are you there?", json!([])).await;
    assert_eq!(said["webhook_status"], 200, "{said}");
    assert_eq!(inbox.next().await["messageReceived"]["node"]["body"], "Are you there?");
    let since = tenant.gql.ok("{ organization { suspendedAt } }", json!({})).await;
    assert!(since["organization"]["suspendedAt"].is_string());
    // The message that was due by now has not left.
    app.clock.advance(Duration::minutes(2));
    assert_eq!(app.requests(PHONE).await, 0);
    assert_eq!(
        app.gql().ok("{ organization { suspendedAt } }", json!({})).await["organization"]["suspendedAt"],
        Value::Null
    );

    operator.ok(RESUME, json!({ "id": id })).await;
    eventually("what waited goes out", async || {
        app.clock.advance(Duration::seconds(31));
        (app.requests(PHONE).await == 1).then_some(())
    })
    .await;
    statuses.until(&waiting, "DELIVERED").await;
    for (action, count) in [("suspendOrganization", 1), ("resumeOrganization", 1)] {
        let theirs = tenant.gql.ok(AUDIT, json!({ "action": action })).await["auditEvents"]["nodes"].take();
        let done: Vec<_> = theirs.as_array().unwrap().iter().filter(|row| row["outcome"] == "DONE").collect();
        assert_eq!(done.len(), count, "{theirs}");
        assert_eq!(
            (&done[0]["subject"], &done[0]["user"]),
            (&id, &Value::Null),
            "the operator is nobody of theirs"
        );
        let ours = operator.ok(AUDIT, json!({ "action": action })).await["auditEvents"]["nodes"].take();
        assert!(
            ours.as_array().unwrap().iter().any(|row| row["outcome"] == "DONE" && row["subject"] == id),
            "{ours}"
        );
    }
}

fn literal(types: &Types, input: &str) -> String {
    inline(&types.input(input, "msg_00000000000000000000000000"))
}

/// As GraphQL writes it; words in capitals are enum values.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
            text.clone()
        }
        other => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_own_organisation_and_unknown_ones_are_not_suspended() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let own = json!({ "id": app.organization.id.to_string() });
    assert_eq!(operator.ok(SUSPEND, own).await["suspendOrganization"]["userErrors"][0]["code"], "CONFLICT");
    let nobody = json!({ "id": "org_00000000000000000000000000" });
    for mutation in [SUSPEND, RESUME] {
        let answer = operator.ok(mutation, nobody.clone()).await;
        let payload = answer.as_object().unwrap().values().next().unwrap();
        assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND", "{answer}");
    }
}

//! Who may do what: every permission with every role and every scope of a key, on a field that needs it.

use entity::enums::Role;
use phonehub::{
    base::{caller::Permission, ctx::Ctx},
    features::organizations::admin,
};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::harness::{Gql, NUMBER, TestApp};

use Permission as P;

const PHONE: &str = "+12065550120";

/// What needs the permission. No arm may be missing: a new permission does not compile without its field.
const fn field(permission: Permission) -> &'static str {
    match permission {
        P::MessagesRead => "{ messages(first: 1) { nodes { id } } }",
        P::MessagesSend => {
            "mutation { cancelMessage(input: { messageId: \"msg_00000000000000000000000000\" }) { userErrors { code } } }"
        }
        P::ContactsWrite => "mutation { upsertContact(input: {}) { userErrors { code } } }",
        P::CarriersManage => "{ deadJobs(first: 1) { nodes { id } } }",
        P::WebhooksManage => "{ webhookEndpoints(first: 1) { nodes { id } } }",
        P::AuditRead => "{ auditEvents(first: 1) { nodes { id } } }",
        P::DataManage => "mutation { setRetention(input: {}) { userErrors { code } } }",
        P::MembersManage => "{ invitations(first: 1) { nodes { id } } }",
    }
}

const ALL: [Permission; 8] = [
    P::MessagesRead,
    P::MessagesSend,
    P::ContactsWrite,
    P::CarriersManage,
    P::WebhooksManage,
    P::AuditRead,
    P::DataManage,
    P::MembersManage,
];

/// Written out, so that a change of a right is a change of this table.
const MATRIX: [(Role, &[Permission]); 4] = [
    (Role::Viewer, &[P::MessagesRead]),
    (Role::Agent, &[P::MessagesRead, P::MessagesSend, P::ContactsWrite]),
    (Role::Admin, &ALL),
    (Role::Owner, &ALL),
];

async fn is_allowed(gql: &Gql, permission: Permission) -> bool {
    let answer = gql.raw(field(permission), json!({})).await;
    match answer["errors"][0]["extensions"]["code"].as_str() {
        None => true,
        Some("FORBIDDEN") => false,
        Some(other) => panic!("{permission:?}: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_the_matrix_says() {
    let app = TestApp::start().await;
    for (role, may) in MATRIX {
        let person = app.person(role).await;
        for permission in ALL {
            assert_eq!(
                is_allowed(&person, permission).await,
                may.contains(&permission),
                "{role:?} {permission:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_its_own_fields_alone() {
    let app = TestApp::start().await;
    let ctx = Ctx::administrator(app.hub().clone());
    for scope in Permission::SCOPES {
        let (_, secret) =
            admin::create_key(&ctx, app.organization.id, "one", vec![scope], None).await.unwrap();
        let gql = app.gql_as(secret.expose_secret());
        for permission in ALL {
            assert_eq!(is_allowed(&gql, permission).await, permission == scope, "{scope:?} {permission:?}");
        }
    }
    assert!(!Permission::SCOPES.contains(&P::MembersManage), "keys make no keys");
}

/// What a mutation answers is read through the same rights as a query.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_send_reads_nothing_through_the_answers() {
    let app = TestApp::start().await;
    app.say(PHONE, NUMBER, "my PIN is 4711", json!([])).await;
    let ctx = Ctx::administrator(app.hub().clone());
    let scopes = vec![P::MessagesSend];
    let (_, secret) = admin::create_key(&ctx, app.organization.id, "sender", scopes, None).await.unwrap();
    let gql = app.gql_as(secret.expose_secret());
    let conversations = app.gql().ok("{ conversations { nodes { id } } }", json!({})).await;
    let conversation = &conversations["conversations"]["nodes"][0]["id"];
    let to =
        json!({ "input": { "to": { "phoneNumber": PHONE }, "body": "Hello", "idempotencyKey": "reads" } });
    let read = json!({ "input": { "conversationId": conversation } });
    for (selection, input, path) in [
        ("sendMessage(input: $input) { message { id contact { name metadata } } }", &to, "contact"),
        ("sendMessage(input: $input) { message { id conversation { unreadCount } } }", &to, "conversation"),
        (
            "markConversationRead(input: $input) { conversation { id lastMessage { body } } }",
            &read,
            "lastMessage",
        ),
        ("markConversationRead(input: $input) { conversation { id contact { name } } }", &read, "contact"),
    ] {
        let kind = selection.split_once('(').unwrap().0;
        let input_type = format!("{}{}Input", kind[..1].to_uppercase(), &kind[1..]);
        let document = format!("mutation($input: {input_type}!) {{ {selection} }}");
        let answer = gql.raw(&document, input.clone()).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
        assert_eq!(answer["errors"][0]["path"][2], path, "{answer}");
        let payload = answer["data"][kind].as_object().unwrap().values().next().unwrap();
        assert!(payload["id"].is_string(), "the deed itself is done: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_token_passes() {
    let app = TestApp::start().await;
    for permission in ALL {
        let answer = app.gql_as("").raw(field(permission), json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{permission:?}");
    }
}

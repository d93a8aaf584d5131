//! No query scans a table: the plans of all statements that a busy server ran, as its own database explains them, and every
//! list of the schema with every filter and order among what it was asked.

mod coverage;
mod explain;
mod statements;

use entity::ids::{ContactId, ConversationId, NumberId, UserId};
use phonehub::{
    api::schema,
    base::{auth, ctx::RequestInfo},
    features::webhook_endpoints::tend,
    graphql::loader::Loaders,
};
use serde_json::json;

use self::{
    coverage::{Lists, Schema},
    explain::{Fault, faults},
    statements::Statements,
};
use crate::harness::{Gql, Receiver, TestApp};

const PHONE: &str = "+12065550108";

/// Every list and lookup that the API offers; `$…` become ids.
const QUERIES: [&str; 27] = [
    "{ messages(first: 5) { nodes { id body media { url } timeline { kind } attempts { ordinal } conversation { id } \
       contact { id } number { id } author { name } } } }",
    "{ messages(first: 5, filter: { status: { in: [DELIVERED] }, direction: { eq: OUTBOUND } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { from: { eq: \"+12065550150\" } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { to: { in: [\"+12065550108\"] } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { conversationId: { eq: \"$CONVERSATION\" } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { contactId: { eq: \"$CONTACT\" } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { numberId: { in: [\"$NUMBER\"] } }) { nodes { id } } }",
    "{ messages(first: 5, filter: { authorId: { eq: \"$USER\" }, isTest: { eq: true } }) { nodes { id } } }",
    "{ messages(first: 5, orderBy: { field: CREATED_AT, direction: ASC }, filter: { or: [{ isTest: { eq: true } }], \
       and: [{ isTest: { eq: true } }], not: { isTest: { eq: true } } }) { nodes { id } } }",
    "{ messages(last: 5, orderBy: { field: CREATED_AT, direction: DESC }, \
       filter: { createdAt: { gte: \"2026-01-01T00:00:00Z\" } }) { nodes { id } totalCount } }",
    "{ conversations(first: 5) { nodes { id lastMessage { id } contact { id } number { id } \
       a: messages(first: 2, orderBy: { field: CREATED_AT, direction: ASC }) { nodes { id } totalCount } \
       b: messages(last: 2, orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } } } } }",
    "{ conversations(first: 5, filter: { contactNumber: \"+12065550108\" }, \
       orderBy: { field: LAST_MESSAGE_AT, direction: ASC }) { nodes { id } } }",
    "{ conversations(first: 5, filter: { contact: \"$CONTACT\" }, \
       orderBy: { field: LAST_MESSAGE_AT, direction: DESC }) { nodes { id } } }",
    "{ conversations(first: 5, filter: { number: \"$NUMBER\", unread: true }) { nodes { id } } }",
    "{ conversations(first: 5, filter: { user: \"$USER\", sender: \"+12065550150\" }) { nodes { id } totalCount } }",
    "{ contacts(first: 5) { nodes { id phoneNumbers } totalCount } }",
    "{ contacts(first: 5, filter: { phoneNumber: \"+12065550108\", externalId: \"7\" }) { nodes { id } } }",
    "{ contactsByPhoneNumbers(phoneNumbers: [\"+12065550108\"]) { contact { id phoneNumbers } } }",
    "{ numbers(first: 5) { nodes { id } totalCount } carrierConfigs { id } keywords { id } }",
    "{ optOuts(first: 5, filter: { phoneNumber: \"+12065550108\", inForce: true }) { nodes { id } totalCount } }",
    "{ deadJobs(first: 5) { nodes { id } totalCount } }",
    "{ members(first: 5) { nodes { id user { name } } totalCount } viewer { organization { id } memberships { id } } }",
    "{ auditEvents(first: 5, filter: { actor: \"key_00000000000000000000000000\", action: \"sendMessage\", \
       until: \"2030-01-01T00:00:00Z\" }) { nodes { id user { name } } totalCount } }",
    "{ auditEvents(last: 5, filter: { subject: \"msg_00000000000000000000000000\", since: \"2026-01-01T00:00:00Z\" }) { \
       nodes { id } totalCount } }",
    "{ invitations(first: 5) { nodes { id } totalCount } }",
    "{ webhookEndpoints(first: 5) { nodes { id secrets { hint } deliveries(first: 5) { \
       nodes { id attempts { ordinal } endpoint { id } } totalCount } } totalCount } }",
    "{ apiKeys(last: 5) { nodes { id createdBy { name } } totalCount } }",
];

#[derive(PartialEq, Eq)]
enum Kind {
    Index,
    Sort,
}

/// What is right all the same: a fault, a part of its statement, and why.
const JUSTIFIED: [(Kind, &str, &str); 8] = [
    (Kind::Index, "carrier_configs_one_system", "it holds the system's configs alone: one a provider"),
    (Kind::Index, "organizations_one_operator", "it holds one row"),
    (Kind::Index, "seaql_migrations", "a row for each step of the schema"),
    (Kind::Index, "event_readers_place", "webhook endpoints that are on: ten an organisation at most"),
    (Kind::Index, "lanes_due", "its first entry, and no other"),
    (Kind::Index, "jobs_queue", "the queue in its own order, until a claim has enough"),
    (Kind::Sort, "UPDATE jobs SET lease_token", "the jobs of one claim: twice its limit at most"),
    (
        Kind::Sort,
        "IN (SELECT \"carrier_configs\".\"id\"",
        "the senders of the system's configs: 500 each at most",
    ),
];

/// Lists that come from no table.
const COMPUTED: [&str; 0] = [];

/// One thread, so that the collector of this test sees all that the server does.
#[tokio::test]
async fn no_statement_scans_a_table() {
    let statements = Statements::of_this_thread();
    let app = TestApp::start().await;
    let gql = person(&app).await;
    let receiver = Receiver::start().await;
    gql.endpoint(&receiver.url, &["MESSAGE_STATUS_CHANGED"]).await;
    let id = gql.send(PHONE, "Hello", "plan").await;
    let contact = "mutation { upsertContact(input: { phoneNumbers: [\"+12065550108\"], externalId: \"7\" }) \
         { contact { id } userErrors { message } } }";
    gql.ok(contact, json!({})).await;
    app.stage("idle", None).await;
    read_everything(&app, &gql.token).await;
    let cancel = "mutation($id: ID!) { cancelMessage(input: { messageId: $id }) { userErrors { code } } }";
    gql.ok(cancel, json!({ "id": id })).await;

    receiver.until(2).await;
    tend::wake(app.hub(), None).await.unwrap();

    let seen = statements.seen();
    assert!(seen.len() > 60, "only {} statements were seen", seen.len());
    let mut wrong = Vec::new();
    for sql in seen {
        for fault in faults(app.hub(), &sql).await {
            if !is_justified(&fault, &sql) {
                wrong.push(format!("{fault:?}: {sql}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_list_of_the_schema_is_among_the_queries() {
    let schema = Schema::parse(&schema::sdl());
    let offered = schema.offers();
    assert!(offered.contains("Query.messages(filter: status)") && offered.len() > 40, "{offered:?}");
    let read: Lists = QUERIES.iter().flat_map(|query| schema.reads(query)).collect();
    let missed: Vec<_> =
        offered.difference(&read).filter(|list| !COMPUTED.contains(&list.as_str())).collect();
    assert!(missed.is_empty(), "nobody looks at the plans of {missed:#?}");
}

/// Somebody who may see everything of an organisation.
async fn person(app: &TestApp) -> Gql {
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } userErrors { code } } }";
    let input = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada",
        "organizationName": "Ada & Co" });
    let answer = app.gql_as("").ok(sign_up, json!({ "input": input })).await;
    app.gql_as(answer["signUp"]["tokens"]["accessToken"].as_str().unwrap())
}

/// Without HTTP between, so that it happens on this thread.
async fn read_everything(app: &TestApp, token: &str) {
    let schema = schema::build();
    for query in QUERIES {
        let query = query
            .replace("$CONVERSATION", &ConversationId::new().to_string())
            .replace("$CONTACT", &ContactId::new().to_string())
            .replace("$NUMBER", &NumberId::new().to_string())
            .replace("$USER", &UserId::new().to_string());
        let ctx = auth::authenticate(app.hub(), Some(token), RequestInfo::default()).await.unwrap();
        let request = async_graphql::Request::new(&query).data(ctx).data(Loaders::default());
        let answer = schema.execute(request).await;
        assert!(answer.errors.is_empty(), "{query}: {:?}", answer.errors);
    }
}

fn is_justified(fault: &Fault, sql: &str) -> bool {
    JUSTIFIED.iter().any(|(kind, part, _)| match fault {
        Fault::Table(_) => false,
        Fault::Index(name) => *kind == Kind::Index && name.contains(part),
        Fault::Sort => *kind == Kind::Sort && sql.contains(part),
    })
}

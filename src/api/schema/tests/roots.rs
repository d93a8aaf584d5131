//! `node`, `nodes`, `limits` and `health`, executed without the edge.

use async_graphql::{Request, Variables};
use entity::{
    attempt, contact,
    enums::Role,
    ids::{ContactId, JobId, MediaId, MessageId, SessionId, UserId},
    job, timeline_entry,
};
use serde_json::{Value, json};

use crate::{
    api::{guard::Limits, schema},
    base::{
        caller::{Caller, Member},
        ctx::Ctx,
    },
    features::messages::{
        receive,
        testing::{self, Stage},
    },
    graphql::loader::Loaders,
};

async fn ask(ctx: &Ctx, document: &str, variables: Value) -> Value {
    let request = Request::new(document)
        .variables(Variables::from_json(variables))
        .data(ctx.clone())
        .data(Loaders::default());
    serde_json::to_value(schema::build().execute(request).await).unwrap()
}

const NODES: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";

#[tokio::test]
async fn nodes_are_found_by_id_alone_and_only_at_home() {
    let stage = Stage::new().await;
    let home = stage.organization("Acme").await;
    let config = stage.config(home, true).await;
    let (message, attempt) = stage.sending(home, "+12065550101").await;
    receive::receive(&stage.hub, &config, &testing::text("SM1", "Hello")).await.unwrap();
    let first = |found: Option<String>| found.expect("the services made one");
    let ids = [
        ("Message", message.id.to_string()),
        ("Conversation", message.conversation_id.to_string()),
        ("Attempt", attempt.id.to_string()),
        (
            "TimelineEntry",
            first(stage.rows::<timeline_entry::Entity>(home).await.first().map(|row| row.id.to_string())),
        ),
        ("Number", message.number_id.unwrap().to_string()),
        ("CarrierConfig", config.id.to_string()),
        ("Contact", first(stage.rows::<contact::Entity>(home).await.first().map(|row| row.id.to_string()))),
        ("Job", first(stage.rows::<job::Entity>(home).await.first().map(|row| row.id.to_string()))),
        ("Organization", home.to_string()),
    ];
    assert_eq!(stage.rows::<attempt::Entity>(home).await.len(), 1);
    let asked: Vec<&String> = ids.iter().map(|(_, id)| id).collect();
    let expected: Vec<Value> = ids.iter().map(|(name, id)| json!({ "__typename": name, "id": id })).collect();
    let ctx = stage.ctx(home);
    let answer = ask(&ctx, NODES, json!({ "ids": asked })).await;
    assert_eq!(answer["data"]["nodes"], Value::from(expected), "{answer}");

    let stranger = stage.ctx(stage.organization("Other").await);
    let answer = ask(&stranger, NODES, json!({ "ids": asked })).await;
    assert_eq!(answer["data"]["nodes"], Value::from(vec![Value::Null; ids.len()]), "{answer}");
    let missing = [
        MessageId::new().to_string(),
        MediaId::new().to_string(),
        ContactId::new().to_string(),
        JobId::new().to_string(),
    ];
    let answer = ask(&ctx, NODES, json!({ "ids": missing })).await;
    assert_eq!(answer["data"]["nodes"], json!([null, null, null, null]), "{answer}");
}

#[tokio::test]
async fn what_is_no_id_and_too_many_ids_are_refused() {
    let stage = Stage::new().await;
    let ctx = stage.ctx(stage.organization("Acme").await);
    for id in ["", "msg_", "msg_x", "zzz_00000000000000000000000000", "message"] {
        let answer = ask(&ctx, "query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{id}");
    }
    let answer = ask(&ctx, NODES, json!({ "ids": vec![MessageId::new().to_string(); 101] })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn limits_are_those_of_the_guard() {
    let stage = Stage::new().await;
    let ctx = stage.ctx(stage.organization("Acme").await);
    let answer = ask(&ctx, "{ limits { depth aliases rootFields tokens batch bodyBytes } }", json!({})).await;
    let limits = Limits::default();
    let expected = json!({
        "depth": limits.depth, "aliases": limits.aliases, "rootFields": limits.root_fields,
        "tokens": limits.tokens, "batch": limits.batch, "bodyBytes": limits.body_bytes,
    });
    assert_eq!(answer["data"]["limits"], expected);
}

#[tokio::test]
async fn health_is_for_operators_and_asks_the_carrier() {
    let stage = Stage::new().await;
    let home = stage.operator().await;
    stage.system_config().await;
    let ctx = stage.ctx(home);
    let person = |is_operator| Ctx {
        caller: Caller::Member(Member {
            user_id: UserId::new(),
            organization_id: home,
            role: Role::Owner,
            is_operator,
            session_id: SessionId::new(),
            expires_at: ctx.now() + chrono::Duration::minutes(15),
        }),
        ..ctx.clone()
    };
    let document = "{ health { status version database migrations redis carrier carrierProblem
        queue { waiting oldestSeconds dead } isSendingPaused unknownMessages } }";
    let refused = ask(&person(false), document, json!({})).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let health = ask(&person(true), document, json!({})).await["data"]["health"].take();
    for (field, expected) in [
        ("status", json!("DEGRADED")),
        ("database", json!("UP")),
        ("migrations", json!("UP")),
        ("redis", json!("UNUSED")),
        ("carrier", json!("DOWN")),
        ("queue", json!({ "waiting": 0, "oldestSeconds": 0, "dead": 0 })),
        ("isSendingPaused", json!(false)),
        ("unknownMessages", json!(0)),
    ] {
        assert_eq!(health[field], expected, "{field}");
    }
    assert!(health["carrierProblem"].as_str().unwrap().contains("cannot be reached"), "nobody listens there");
}

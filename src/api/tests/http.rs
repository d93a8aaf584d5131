use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::world::{World, json_of};

const JSON: &str = "application/json";
const RESPONSE: &str = "application/graphql-response+json";
const ADD: &str = "query Add($pair: Pair!) { add(pair: $pair) }";

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_query_is_answered() {
    let world = World::open().await;
    let request = json!({ "query": ADD, "variables": { "pair": { "a": 1, "b": 2 } } });
    assert_eq!(world.post(JSON, &request).await, (200, json!({ "data": { "add": 3 } })));
    assert_eq!(world.post(RESPONSE, &request).await, (200, json!({ "data": { "add": 3 } })));
}

#[tokio::test]
async fn request_errors_have_a_code_a_status_and_no_data() {
    let world = World::open().await;
    for (request, expected) in [
        (json!({ "query": "{" }), "GRAPHQL_PARSE_FAILED"),
        (json!({ "query": "{ nothing }" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "query": ADD }), "BAD_USER_INPUT"),
        (json!({ "query": ADD, "variables": { "pair": { "a": "x", "b": 1 } } }), "BAD_USER_INPUT"),
        (
            json!({ "query": "{ a: add(pair: {a: 1, b: 2}) }", "operationName": "x" }),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (json!({ "query": format!("{{ {} }}", "__typename ".repeat(1_000)) }), "LIMIT_EXCEEDED"),
    ] {
        let (status, body) = world.post(RESPONSE, &request).await;
        assert_eq!((status, code(&body)), (400, expected), "{body}");
        assert!(body.get("data").is_none(), "{body}");
        assert!(body["errors"][0]["extensions"]["requestId"].is_string(), "{body}");
        assert_eq!(world.post(JSON, &request).await.0, 200, "{request}");
    }
}

#[tokio::test]
async fn bombs_are_refused_and_the_next_request_is_served() {
    let world = World::open().await;
    let doubling = (0..22).fold("{ ...f0 }".to_owned(), |all, at| {
        format!("{all} fragment f{at} on Query {{ ...f{n} ...f{n} }}", n = at + 1)
    }) + " fragment f22 on Query { __typename }";
    let nested = format!("{{ a(b: {}) }}", "[".repeat(2_000));
    for bomb in [doubling, nested, "{ ...f } fragment f on Query { ...f }".to_owned()] {
        let (status, _) = world.post(RESPONSE, &json!({ "query": bomb })).await;
        assert_eq!(status, 400);
    }
    let (status, _) = world.post(JSON, &json!({ "query": "{ __typename }" })).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn nothing_internal_is_shown() {
    let world = World::open().await;
    for query in ["{ panics }", "{ leaks }"] {
        let (_, body) = world.post(JSON, &json!({ "query": query })).await;
        assert_eq!(code(&body), "INTERNAL", "{body}");
        assert!(!body.to_string().contains("secret"), "{body}");
    }
}

#[tokio::test]
async fn errors_are_capped_and_say_when_to_retry() {
    let world = World::open().await;
    let (_, body) = world.post(JSON, &json!({ "query": "{ many { leaks } }" })).await;
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(20));
    let request = Request::post("/graphql")
        .header("content-type", JSON)
        .body(Body::from(json!({ "query": "{ limited }" }).to_string()))
        .unwrap();
    let response = world.send(request).await;
    assert_eq!(response.headers()["retry-after"], "7");
    let body = json_of(response).await;
    assert_eq!((code(&body), &body["errors"][0]["extensions"]["retryAfter"]), ("RATE_LIMITED", &json!(7)));
}

#[tokio::test]
async fn only_json_posts_and_read_only_gets_act() {
    let world = World::open().await;
    let mutation = "mutation { tick(n: 1) }";
    let get = Request::get(format!("/graphql?query={}", "mutation%20%7B%20tick(n%3A%201)%20%7D"));
    let response = world.send(get.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
        (405, "GET, POST")
    );
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let body = Body::from(json!({ "query": mutation }).to_string());
        let request = Request::post("/graphql").header("content-type", content_type).body(body).unwrap();
        assert_eq!(world.send(request).await.status().as_u16(), 415, "{content_type}");
    }
    let delete = Request::delete("/graphql").body(Body::empty()).unwrap();
    assert_eq!(world.send(delete).await.status().as_u16(), 405);
    let get = Request::get("/graphql?query=%7B__typename%7D").body(Body::empty()).unwrap();
    assert_eq!(json_of(world.send(get).await).await, json!({ "data": { "__typename": "Query" } }));
    let (status, body) = world.post(RESPONSE, &json!({ "query": "subscription { count(to: 3) }" })).await;
    assert_eq!((status, code(&body)), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn large_bodies_and_batches_are_refused() {
    let world = World::open().await;
    let large = json!({ "query": "{ __typename }", "extensions": { "x": "x".repeat(300_000) } });
    let (status, body) = world.post(JSON, &large).await;
    assert_eq!((status, code(&body)), (413, "PAYLOAD_TOO_LARGE"));
    let one = json!({ "query": "{ __typename }" });
    let (status, body) = world.post(JSON, &json!([one, { "query": "{" }])).await;
    assert_eq!(
        (status, &body[0], code(&body[1])),
        (200, &json!({ "data": { "__typename": "Query" } }), "GRAPHQL_PARSE_FAILED")
    );
    let (status, body) = world.post(JSON, &Value::from(vec![one; 11])).await;
    assert_eq!((status, code(&body)), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn tokens_count_or_are_refused() {
    let world = World::open().await;
    let ask = |authorization: Option<String>| {
        let mut request =
            Request::post("/graphql").header("content-type", JSON).header("x-request-id", "mine");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        world.send(request.body(Body::from(json!({ "query": "{ organization }" }).to_string())).unwrap())
    };
    let response = ask(Some(format!("Bearer {}", world.token))).await;
    assert_eq!(response.headers()["x-request-id"], "mine");
    assert!(json_of(response).await["data"]["organization"].is_string());
    for wrong in ["Bearer phk_nothing", "Bearer a.b.c", "Basic abc"] {
        let response = ask(Some(wrong.to_owned())).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        let body = json_of(response).await;
        assert_eq!(
            (code(&body), &body["errors"][0]["extensions"]["requestId"]),
            ("UNAUTHENTICATED", &json!("mine"))
        );
    }
    let anonymous = json_of(ask(None).await).await;
    assert_eq!(code(&anonymous), "UNAUTHENTICATED");
}

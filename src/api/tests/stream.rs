use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::time::timeout;

use super::world::{PATIENCE, World};

const TICKS: &str = "subscription($after: String) { ticks(after: $after) { cursor n } }";

async fn open(world: &World, query: &str, last_event_id: Option<&str>) -> Response<Body> {
    let mut request = Request::post("/graphql/stream")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .header("authorization", format!("Bearer {}", world.token));
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    world.send(request.body(Body::from(json!({ "query": query }).to_string())).unwrap()).await
}

async fn event(response: &mut Response<Body>) -> Option<String> {
    let frame = timeout(PATIENCE, response.body_mut().frame()).await.expect("nothing came in time")?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn events_carry_the_cursor_and_resume_from_it() {
    let world = World::open().await;
    let mut first = open(&world, TICKS, None).await;
    assert_eq!(first.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut second = open(&world, TICKS, None).await;
    assert_eq!(world.executions(), 1, "streams share too");
    world.tick(5);
    let expected = "id: 5\nevent: next\ndata: {\"data\":{\"ticks\":{\"cursor\":\"5\",\"n\":5}}}\n\n";
    assert_eq!(event(&mut first).await.as_deref(), Some(expected));
    assert_eq!(event(&mut second).await.as_deref(), Some(expected));
    let mut resumed = open(&world, TICKS, Some("5")).await;
    assert!(event(&mut resumed).await.unwrap().starts_with("id: 6\n"));
}

#[tokio::test]
async fn results_end_with_complete_and_errors_are_results() {
    let world = World::open().await;
    let mut query = open(&world, "{ add(pair: {a: 1, b: 1}) }", None).await;
    assert_eq!(event(&mut query).await.unwrap(), "event: next\ndata: {\"data\":{\"add\":2}}\n\n");
    assert_eq!(event(&mut query).await.unwrap(), "event: complete\ndata:\n\n");
    assert_eq!(event(&mut query).await, None);
    let mut wrong = open(&world, "{ nothing }", None).await;
    assert_eq!(wrong.status().as_u16(), 200);
    let event_text = event(&mut wrong).await.unwrap();
    assert!(
        event_text.contains("GRAPHQL_VALIDATION_FAILED")
            && event_text.ends_with("event: complete\ndata:\n\n")
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_with_the_process() {
    let world = World::open().await;
    let mut stopped = open(&world, TICKS, None).await;
    world.stopping.cancel();
    assert_eq!(event(&mut stopped).await, None);

    let world = World::open().await;
    let mut revoked = open(&world, TICKS, None).await;
    world.revoke().await;
    world.hub.clock.advance(chrono::Duration::milliseconds(1));
    assert_eq!(event(&mut revoked).await, None);
    assert_eq!(open(&world, TICKS, None).await.status().as_u16(), 401);
}

#[tokio::test]
async fn mutations_need_post() {
    let world = World::open().await;
    let get =
        Request::get("/graphql/stream?query=mutation%7Btick(n%3A1)%7D").header("accept", "text/event-stream");
    assert_eq!(world.send(get.body(Body::empty()).unwrap()).await.status().as_u16(), 405);
    let other = Request::get("/graphql/stream?query=%7B__typename%7D").header("accept", "application/json");
    assert_eq!(world.send(other.body(Body::empty()).unwrap()).await.status().as_u16(), 400);
}

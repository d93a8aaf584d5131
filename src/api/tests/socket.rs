use chrono::Duration;
use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::world::{PATIENCE, Socket, World};

const TICKS: &str = "subscription { ticks { cursor n } }";
const RESUME: &str = "subscription($after: String) { ticks(after: $after) { n } }";

async fn tick(socket: &mut Socket, id: &str) -> i64 {
    let message = socket.hear().await;
    assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
    message["payload"]["data"]["ticks"]["n"].as_i64().unwrap()
}

#[tokio::test]
async fn equal_subscriptions_share_one_execution_and_late_ones_join_it() {
    let world = World::open().await;
    let (mut one, mut two) = (world.socket().await, world.socket().await);
    one.subscribe("a", TICKS, &json!({})).await;
    two.subscribe("b", TICKS, &json!({})).await;
    one.subscribe("c", TICKS, &json!({})).await;
    world.tick(1);
    assert_eq!(tick(&mut two, "b").await, 1);
    let (first, second) = (one.hear().await, one.hear().await);
    assert_eq!(
        [&first["payload"], &second["payload"]],
        [&json!({ "data": { "ticks": { "cursor": "1", "n": 1 } } }); 2]
    );
    assert_eq!(world.executions(), 1);
    assert_eq!(world.door.shared().running(), 1);

    two.subscribe("other", "subscription { ticks { n } }", &json!({})).await;
    let resume = json!({ "query": RESUME, "variables": { "after": "7" } });
    two.say(&json!({ "type": "subscribe", "id": "resumed", "payload": resume })).await;
    assert_eq!(tick(&mut two, "resumed").await, 8);
    assert_eq!(world.executions(), 3, "another document, and a cursor of its own");
}

#[tokio::test]
async fn the_last_one_to_leave_ends_the_execution() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    socket.subscribe("1", TICKS, &json!({})).await;
    socket.say(&json!({ "type": "complete", "id": "1" })).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }), "no echo of complete");
    assert_eq!(world.door.shared().running(), 0);
    socket.subscribe("1", TICKS, &json!({})).await;
    world.tick(4);
    assert_eq!(tick(&mut socket, "1").await, 4, "the id may be used again");
    drop(socket);
    world.stopping.cancel();
    world.door.open().close();
    world.door.open().wait().await;
    assert_eq!(world.door.shared().running(), 0);
}

#[tokio::test]
async fn queries_mutations_and_finite_streams_complete() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    for (id, query, payload) in [
        ("q", "{ add(pair: {a: 1, b: 2}) }", json!({ "data": { "add": 3 } })),
        ("m", "mutation { tick(n: 1) }", json!({ "data": { "tick": 0 } })),
    ] {
        socket.say(&json!({ "type": "subscribe", "id": id, "payload": { "query": query } })).await;
        assert_eq!(socket.hear().await, json!({ "type": "next", "id": id, "payload": payload }));
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": id }));
    }
    socket.say(&json!({ "type": "subscribe", "id": "s", "payload": { "query": "subscription { count(to: 600) }" } })).await;
    for n in 1..=600 {
        assert_eq!(socket.hear().await["payload"]["data"]["count"], json!(n));
    }
    assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "s" }));
}

#[tokio::test]
async fn request_errors_are_error_messages_and_the_socket_lives() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { ticks { n } count(to: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...f } fragment f on Query { ...f }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.say(&json!({ "type": "subscribe", "id": "1", "payload": { "query": query } })).await;
        let message = socket.hear().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")), "{message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], code);
    }
}

#[tokio::test]
async fn a_source_that_does_not_open_is_a_request_error() {
    let world = World::open().await;
    let mut socket = world.connect().await;
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    socket.say(&json!({ "type": "subscribe", "id": "1", "payload": { "query": TICKS } })).await;
    let message = socket.hear().await;
    assert_eq!(message["type"], "error");
    assert_eq!(message["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");
}

#[tokio::test]
async fn faults_of_the_client_close_with_their_codes() {
    let world = World::open().await;
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": TICKS } });
    let init = json!({ "type": "connection_init", "payload": { "token": world.token } });

    let mut early = world.connect().await;
    early.say(&subscribe).await;
    assert_eq!(early.close_code().await, 4401);

    let mut twice = world.socket().await;
    twice.say(&init).await;
    assert_eq!(twice.close_code().await, 4429);

    let mut duplicate = world.socket().await;
    duplicate.say(&subscribe).await;
    duplicate.say(&subscribe).await;
    assert_eq!(duplicate.close_code().await, 4409);

    let mut garbage = world.socket().await;
    garbage.say_text("hello").await;
    assert_eq!(garbage.close_code().await, 4400);

    let mut stranger = world.connect().await;
    stranger.say(&json!({ "type": "connection_init", "payload": { "token": "phk_wrong" } })).await;
    assert_eq!(stranger.close_code().await, 4403);
}

#[tokio::test]
async fn silence_is_answered_with_4408() {
    let world = World::open().await;
    let mut socket = world.connect().await;
    assert_eq!(socket.close_code().await, 4408);
}

#[tokio::test]
async fn a_revoked_key_ends_its_sockets() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    socket.subscribe("1", TICKS, &json!({})).await;
    world.revoke().await;
    world.hub.clock.advance(Duration::milliseconds(1));
    assert_eq!(socket.close_code().await, 4403);
    let mut again = world.connect().await;
    again.say(&json!({ "type": "connection_init", "payload": { "token": world.token } })).await;
    assert_eq!(again.close_code().await, 4403);
}

#[tokio::test]
async fn a_fresh_token_is_taken_in_band_and_a_foreign_one_is_not() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    socket.say(&json!({ "type": "ping", "payload": { "token": world.token } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    socket.say(&json!({ "type": "ping", "payload": { "token": "phk_wrong" } })).await;
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn a_slow_consumer_is_closed_with_1013_and_others_go_on() {
    let world = World::open_with(&[("PHONEHUB_SUBSCRIBER_QUEUE", "16")]).await;
    let (mut slow, mut quick) = (world.socket().await, world.socket().await);
    let fields: Vec<String> = (0..40).map(|at| format!("n{at}: cursor")).collect();
    let wide = format!("subscription {{ ticks {{ {} }} }}", fields.join(" "));
    slow.subscribe("1", &wide, &json!({})).await;
    quick.subscribe("1", TICKS, &json!({})).await;
    for n in 0..200_000 {
        world.tick(n);
        assert_eq!(tick(&mut quick, "1").await, i64::from(n));
        if world.door.shared().running() == 1 {
            break;
        }
    }
    assert_eq!(slow.close_code().await, 1013);
    world.tick(-1);
    assert_eq!(tick(&mut quick, "1").await, -1);
}

#[tokio::test]
async fn a_close_of_the_client_is_answered() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    socket.0.close(None).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, socket.0.next()).await.expect("no answer in time");
    assert!(matches!(answer, Some(Ok(Message::Close(_)))), "{answer:?}");
    assert!(socket.0.next().await.is_none(), "and nothing comes after it");
}

#[tokio::test]
async fn a_stop_closes_with_1001() {
    let world = World::open().await;
    let mut socket = world.socket().await;
    world.stopping.cancel();
    assert_eq!(socket.close_code().await, 1001);
}

#[tokio::test]
async fn sockets_of_an_organisation_are_bounded() {
    let world = World::open_with(&[("PHONEHUB_SOCKETS_PER_ORGANIZATION", "1")]).await;
    let first = world.socket().await;
    let mut second = world.connect().await;
    second.say(&json!({ "type": "connection_init", "payload": { "token": world.token } })).await;
    assert_eq!(second.close_code().await, 1013);
    drop(first);
}

#[tokio::test]
async fn sockets_without_a_token_are_bounded_and_others_are_not_in_their_way() {
    let world = World::open_with(&[("PHONEHUB_ANONYMOUS_SOCKETS", "2")]).await;
    let known = (world.socket().await, world.socket().await, world.socket().await);
    let silent = world.connect().await;
    let mut anonymous = world.connect().await;
    anonymous.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(anonymous.hear().await, json!({ "type": "connection_ack" }));
    assert_eq!(world.connect().await.close_code().await, 1013);
    drop(silent);
    let mut next = known.0;
    let mut opened = retried(&world).await;
    opened.init(&world.token).await;
    next.say(&json!({ "type": "ping" })).await;
    assert_eq!(next.hear().await, json!({ "type": "pong" }));
    drop((known.1, known.2, anonymous));
}

/// A socket as soon as there is a place for one.
async fn retried(world: &World) -> Socket {
    loop {
        let mut socket = world.connect().await;
        socket.say(&json!({ "type": "ping" })).await;
        if let Some(answer) = socket.heard().await {
            assert_eq!(answer, json!({ "type": "pong" }));
            return socket;
        }
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_socket_and_no_other() {
    let world = World::open().await;
    let (mut own, mut other) = (world.socket().await, world.socket().await);
    let long = "x".repeat(world.door.limits().message_bytes);
    own.try_say_text(&json!({ "type": "ping", "payload": { "long": long } }).to_string()).await;
    assert_eq!(own.close_code().await, 1009);
    let mut stranger = world.connect().await;
    stranger.try_say_text(&"x".repeat(1_000_000)).await;
    assert_eq!(stranger.close_code().await, 1009, "whatever its size");
    other.say(&json!({ "type": "ping" })).await;
    assert_eq!(other.hear().await, json!({ "type": "pong" }));
}

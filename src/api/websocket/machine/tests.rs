use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::websocket::protocol;

const INIT: &str = r#"{"type":"connection_init","payload":{"token":"t"}}"#;
const SUBSCRIBE: &str = r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}"#;
const COMPLETE: &str = r#"{"type":"complete","id":"1"}"#;

fn machine() -> Machine {
    Machine::new(3)
}

fn open() -> Machine {
    let mut machine = machine();
    assert!(matches!(machine.handle(Input::Text(INIT)), Some(Action::Admit(_))));
    assert_eq!(machine.handle(Input::Admitted), Some(Action::Acknowledge));
    machine
}

fn started(action: Option<Action>) -> OperationNumber {
    match action {
        Some(Action::Start(number, ..)) => number,
        other => panic!("expected a start, got {other:?}"),
    }
}

#[track_caller]
fn closes(machine: &mut Machine, input: Input<'_>, code: u16) {
    match machine.handle(input) {
        Some(Action::Close(close)) => assert_eq!(close.code(), code),
        other => panic!("expected a close with {code}, got {other:?}"),
    }
    assert_eq!(machine.handle(Input::Text(SUBSCRIBE)), None, "a closed machine is silent");
}

#[test]
fn no_init_in_time_closes_4408_and_only_then() {
    closes(&mut machine(), Input::InitTimeout, 4408);
    assert_eq!(open().handle(Input::InitTimeout), None);
    let mut admitting = machine();
    admitting.handle(Input::Text(INIT));
    assert_eq!(admitting.handle(Input::InitTimeout), None);
}

#[test]
fn second_init_closes_4429_even_before_the_answer() {
    closes(&mut open(), Input::Text(INIT), 4429);
    let mut admitting = machine();
    admitting.handle(Input::Text(INIT));
    closes(&mut admitting, Input::Text(INIT), 4429);
}

#[test]
fn subscribe_before_ack_closes_4401() {
    closes(&mut machine(), Input::Text(SUBSCRIBE), 4401);
    let mut admitting = machine();
    admitting.handle(Input::Text(INIT));
    closes(&mut admitting, Input::Text(SUBSCRIBE), 4401);
}

#[test]
fn refused_expired_or_revoked_tokens_close_4403() {
    let mut admitting = machine();
    admitting.handle(Input::Text(INIT));
    closes(&mut admitting, Input::Forbidden, 4403);
    closes(&mut open(), Input::Forbidden, 4403);
}

#[test]
fn duplicate_id_closes_4409_and_a_finished_one_may_return() {
    let mut socket = open();
    started(socket.handle(Input::Text(SUBSCRIBE)));
    closes(&mut socket, Input::Text(SUBSCRIBE), 4409);

    let mut socket = open();
    let first = started(socket.handle(Input::Text(SUBSCRIBE)));
    assert_eq!(socket.handle(Input::Text(COMPLETE)), Some(Action::Stop(first)));
    let second = started(socket.handle(Input::Text(SUBSCRIBE)));
    assert_ne!(first, second);
    assert_eq!(socket.handle(Input::Ended(first)), None);
    assert_eq!(
        socket.handle(Input::Text(COMPLETE)),
        Some(Action::Stop(second)),
        "the end of the first is not the end of the second"
    );
    let third = started(socket.handle(Input::Text(SUBSCRIBE)));
    assert_eq!(socket.handle(Input::Ended(third)), None);
    started(socket.handle(Input::Text(SUBSCRIBE)));
}

#[test]
fn malformed_messages_close_4400() {
    let long_id = format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(200));
    for text in [
        "",
        "x",
        "[]",
        "{}",
        r#"["complete","1",null]"#,
        r#"{"type":1}"#,
        r#"{"type":"start","id":"1","payload":{"query":"{ a }"}}"#,
        r#"{"type":"connection_init","payload":"x"}"#,
        r#"{"type":"subscribe","payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":"x"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":1}}"#,
        r#"{"type":"ping","payload":[]}"#,
        r#"{"type":"complete"}"#,
        &long_id,
    ] {
        closes(&mut open(), Input::Text(text), 4400);
    }
    closes(&mut open(), Input::Binary, 4400);
}

#[test]
fn complete_is_not_echoed_and_an_unknown_one_is_ignored() {
    let mut socket = open();
    assert_eq!(socket.handle(Input::Text(COMPLETE)), None);
    let number = started(socket.handle(Input::Text(SUBSCRIBE)));
    assert_eq!(socket.handle(Input::Text(COMPLETE)), Some(Action::Stop(number)));
    assert_eq!(socket.handle(Input::Text(COMPLETE)), None);
}

#[test]
fn too_many_operations_refuse_one_and_keep_the_socket() {
    let mut socket = open();
    let subscribe =
        |id: usize| format!(r#"{{"type":"subscribe","id":"{id}","payload":{{"query":"{{ a }}"}}}}"#);
    for id in 0..3 {
        started(socket.handle(Input::Text(&subscribe(id))));
    }
    assert_eq!(socket.handle(Input::Text(&subscribe(3))), Some(Action::Refuse("3".to_owned())));
    socket.handle(Input::Text(r#"{"type":"complete","id":"0"}"#));
    started(socket.handle(Input::Text(&subscribe(3))));
}

#[test]
fn a_silent_peer_is_closed_after_two_pings() {
    let mut socket = open();
    assert_eq!(socket.handle(Input::PingDue), Some(Action::Ping));
    assert_eq!(socket.handle(Input::Text(r#"{"type":"pong"}"#)), None);
    assert_eq!(socket.handle(Input::PingDue), Some(Action::Ping));
    assert_eq!(socket.handle(Input::PingDue), Some(Action::Ping));
    closes(&mut socket, Input::PingDue, 1013);
}

#[test]
fn pings_are_answered_and_may_carry_a_token_once_open() {
    let ping = r#"{"type":"ping","payload":{"token":"fresh"}}"#;
    assert_eq!(open().handle(Input::Text(ping)), Some(Action::Renew("fresh".to_owned())));
    assert_eq!(machine().handle(Input::Text(ping)), Some(Action::Pong));
    assert_eq!(open().handle(Input::Text(r#"{"type":"ping","payload":null}"#)), Some(Action::Pong));
}

#[test]
fn slow_consumers_close_1013_and_a_stop_1001() {
    closes(&mut open(), Input::Lagging, 1013);
    closes(&mut open(), Input::Unavailable, 1013);
    closes(&mut open(), Input::TooBig, 1009);
    closes(&mut open(), Input::Stopping, 1001);
}

#[test]
fn every_reason_fits_a_close_frame() {
    for close in [
        Close::GoingAway,
        Close::MessageTooBig,
        Close::TryAgain,
        Close::BadMessage,
        Close::Unauthorized,
        Close::Forbidden,
        Close::TooSlow,
        Close::InitTimeout,
        Close::DuplicateId,
        Close::SecondInit,
    ] {
        assert!(close.reason().len() < 123);
    }
}

#[test]
fn messages_are_json_whatever_the_id() {
    let id = "quote \" and \\ and \n";
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(
        parse(&protocol::next(id, r#"{"data":1}"#)),
        json!({"id": id, "type": "next", "payload": {"data": 1}})
    );
    assert_eq!(parse(&protocol::error(id, "[]")), json!({"id": id, "type": "error", "payload": []}));
    assert_eq!(parse(&protocol::complete(id)), json!({"id": id, "type": "complete"}));
}

proptest! {
    /// Whatever comes, an operation starts only on an open socket, never twice under one id, never past the cap.
    #[test]
    fn any_sequence_keeps_the_rules(steps in proptest::collection::vec(0_u8..9, 0..60)) {
        let mut socket = machine();
        let mut acknowledged = false;
        let mut running: Vec<OperationNumber> = Vec::new();
        for step in steps {
            let input = match step {
                0 => Input::Text(INIT),
                1 => Input::Admitted,
                2 => Input::Text(SUBSCRIBE),
                3 => Input::Text(r#"{"type":"subscribe","id":"2","payload":{"query":"{ a }"}}"#),
                4 => Input::Text(COMPLETE),
                5 => Input::Text(r#"{"type":"complete","id":"2"}"#),
                6 => Input::PingDue,
                7 => Input::Text(r#"{"type":"pong"}"#),
                _ => match running.pop() { Some(number) => Input::Ended(number), None => Input::InitTimeout },
            };
            match socket.handle(input) {
                Some(Action::Acknowledge) => acknowledged = true,
                Some(Action::Start(number, ..)) => {
                    prop_assert!(acknowledged);
                    prop_assert!(running.len() < 3);
                    running.push(number);
                }
                Some(Action::Stop(number)) => running.retain(|other| *other != number),
                Some(Action::Close(_)) => break,
                _ => {}
            }
        }
    }
}

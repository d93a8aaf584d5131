//! The stage door: accounts, reset, and whom it lets in.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{OURS, PHONE, Settings, Stage, settings};

#[tokio::test]
async fn accounts_are_made_on_the_fly() {
    let stage = Stage::new().await;
    let made =
        stage.control("/sandbox/accounts", json!({ "numbers": [{ "phone_number": "+12065550177" }] })).await;
    assert_eq!(made.status, 201);
    let (sid, token) =
        (made.body["sid"].as_str().expect("a SID"), made.body["auth_token"].as_str().expect("a token"));
    let url = stage.url(&format!("/2010-04-01/Accounts/{sid}/Messages.json"));
    let form = [("To", PHONE), ("From", "+12065550177"), ("Body", "x")];
    let sent = stage.http.post(url).basic_auth(sid, Some(token)).form(&form).send().await.expect("an answer");
    assert_eq!(sent.status(), 201);
    let listed = stage.get(&stage.url("/sandbox/accounts")).await;
    assert_eq!(listed.body["accounts"].as_array().map(Vec::len), Some(2));
    assert!(!listed.text.contains(token));
    assert_eq!(stage.control("/sandbox/accounts", json!({ "sid": "AC1" })).await.status, 400);
}

#[tokio::test]
async fn a_reset_forgets_all_but_accounts() {
    let stage = Stage::new().await;
    stage.control("/sandbox/say", json!({ "from": PHONE, "to": OURS, "body": "STOP" })).await;
    stage.fault(json!({ "fault": "garbage" })).await;
    assert_eq!(stage.control("/sandbox/reset", Value::Null).await.status, 204);
    stage.send(PHONE, "hello").await;
    assert_eq!(stage.messages().await.len(), 1);
    let stats = stage.stats().await;
    assert_eq!(stats["recipients"][PHONE], json!({ "requests": 1, "accepted": 1 }));
    assert_eq!(stats["inbound"]["received"], 0);
}

#[tokio::test]
async fn inspection_follows_by_position() {
    let stage = Stage::new().await;
    stage.send(PHONE, "one").await;
    let first = stage.messages().await[0]["seq"].as_u64().expect("a position");
    stage.send(PHONE, "two").await;
    let rest =
        stage.get(&stage.url(&format!("/sandbox/messages?after={first}&direction=outbound-api"))).await.body;
    assert_eq!(rest["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["messages"][0]["body"], "two");
    let sid = rest["messages"][0]["sid"].as_str().expect("a SID");
    assert_eq!(stage.get(&stage.url(&format!("/sandbox/messages/{sid}"))).await.body["body"], "two");
    assert_eq!(
        stage.get(&stage.url("/sandbox/numbers")).await.body["numbers"][0]["phone_number"],
        "+12065550100"
    );
}

/// The first line that is answered to these headers.
async fn knock(stage: &Stage, headers: &str) -> String {
    let mut stream = TcpStream::connect(stage.sandbox.addr()).await.expect("it listens");
    let request = format!("GET /sandbox/stats HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn web_pages_are_not_let_in() {
    let stage = Stage::new().await;
    for host in ["localhost:8081", "127.0.0.1", "[::1]:8081"] {
        assert_eq!(knock(&stage, &format!("Host: {host}\r\n")).await, "HTTP/1.1 200 OK", "{host}");
    }
    for headers in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: https://evil.example\r\n",
        "Host: 10.0.0.1\r\n",
    ] {
        assert_eq!(knock(&stage, headers).await, "HTTP/1.1 403 Forbidden", "{headers}");
    }
    let open = Stage::with(Settings { open_control: true, ..settings() }).await;
    assert_eq!(knock(&open, "Host: sandbox:8081\r\n").await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_stopped_sandbox_frees_its_port() {
    // An address of its own: on the usual one another test might take the port first.
    let stage = Stage::with(Settings { listen: ([127, 0, 0, 77], 0).into(), ..settings() }).await;
    stage.send(PHONE, "hello").await;
    let addr = stage.sandbox.addr();
    stage.sandbox.stop().await;
    tokio::net::TcpListener::bind(addr).await.expect("the port is free again");
}

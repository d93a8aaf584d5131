use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::http::{HttpSettings, Reach};
use crate::carriers::error::RetryClass;
use crate::carriers::messaging::Sender;

/// A carrier that says, connection by connection, exactly the bytes it is told to.
struct Scripted {
    listener: TcpListener,
    at: SocketAddr,
}

impl Scripted {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("bound");
        Self { listener, at }
    }

    async fn answer(&self, answer: &str) -> String {
        let (mut stream, _) = self.listener.accept().await.expect("a connection");
        let request = read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.expect("writable");
        request
    }

    fn client(&self, timeout: Duration) -> TwilioClient {
        let account = TwilioAccount {
            credentials: TwilioCredentials {
                account_sid: "AC0123456789abcdef0123456789abcdef".parse().expect("an account SID"),
                auth: ApiAuth::AuthToken("token".to_owned().into()),
                auth_tokens: Vec::new(),
            },
            base_url: format!("http://{}", self.at).parse().expect("a base URL"),
        };
        let settings = HttpSettings { timeout, ..HttpSettings::carrier(Reach::Loopback) };
        let carrier = HttpClient::new(settings).expect("a client");
        let media = HttpClient::new(HttpSettings::media()).expect("a client");
        TwilioClient::new(
            account,
            &Outside { carrier, media },
            std::sync::Arc::new(crate::base::breaker::Breaker::new(
                crate::base::breaker::BreakerSettings::default(),
            )),
        )
    }
}

const PATIENT: Duration = Duration::from_secs(15);

/// Up to the end of the head, and of the body where its length is given.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut read).await.expect("readable"), 0, "closed early");
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().expect("a number")) {
            return text;
        }
    }
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn outgoing() -> Outgoing {
    Outgoing {
        to: "+14155550123".to_owned(),
        sender: Sender::From("+14155550100".to_owned()),
        body: Some("hi".to_owned()),
        media_urls: Vec::new(),
        status_callback: "https://hub.test/s".to_owned(),
        validity_seconds: None,
        smart_encoded: true,
    }
}

fn listed(sid: &str, created: &str) -> serde_json::Value {
    json!({
        "sid": sid, "status": "queued", "to": "+14155550123", "from": "+14155550100", "body": "hi",
        "direction": "outbound-api", "date_created": created, "num_segments": "0", "price": null
    })
}

async fn sent(answer: &str) -> SendOutcome {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let message = outgoing();
    tokio::join!(carrier.answer(answer), client.send(&message)).1
}

#[tokio::test]
async fn a_created_message_is_accepted() {
    let created = listed("SM1", "Thu, 24 Aug 2023 05:01:45 +0000").to_string();
    let outcome = sent(&http("201 Created", &created)).await;
    let SendOutcome::Accepted(message) = outcome else { panic!("{outcome:?}") };
    assert_eq!(message.sid, "SM1");
}

#[tokio::test]
async fn refusals_are_definite_even_when_their_body_breaks_off() {
    let busy = "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 14\r\n\r\n{\"code\":20429}";
    for (answer, kind, wait) in [
        (busy, ErrorKind::RateLimited, Some(Duration::from_secs(3))),
        ("HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{\"code\"", ErrorKind::Refused, None),
    ] {
        let outcome = sent(answer).await;
        let SendOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.kind, error.retry_after), (kind, wait));
    }
}

#[tokio::test]
async fn everything_unclear_is_in_doubt() {
    for answer in [
        String::new(),
        http("201 Created", "<html>garbage"),
        http("500 Internal Server Error", "{\"code\":20500,\"message\":\"oops\",\"status\":500}"),
        "HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"sid\":\"SM1\"".to_owned(),
        "not HTTP at all\r\n\r\n".to_owned(),
        http("307 Temporary Redirect", ""),
    ] {
        let outcome = sent(&answer).await;
        assert!(matches!(outcome, SendOutcome::InDoubt(_)), "{answer:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_hang_is_in_doubt() {
    let carrier = Scripted::new().await;
    let client = carrier.client(Duration::from_millis(300));
    let message = outgoing();
    let hold = async {
        let (mut stream, _) = carrier.listener.accept().await.expect("a connection");
        let mut unread = Vec::new();
        while stream.read_buf(&mut unread).await.is_ok_and(|read| read > 0) {}
    };
    let ((), outcome) = tokio::join!(hold, client.send(&message));
    assert!(matches!(&outcome, SendOutcome::InDoubt(e) if e.kind == ErrorKind::Interrupted), "{outcome:?}");
}

#[tokio::test]
async fn a_carrier_that_is_down_is_refused_and_then_left_alone() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    drop(carrier);
    for _ in 0..5 {
        let outcome = client.send(&outgoing()).await;
        assert!(matches!(&outcome, SendOutcome::Refused(e) if e.kind == ErrorKind::NotSent), "{outcome:?}");
    }
    let outcome = client.send(&outgoing()).await;
    let SendOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.kind, error.retry()), (ErrorKind::BreakerOpen, RetryClass::Backoff));
    assert!(error.retry_after.is_some_and(|wait| !wait.is_zero()));
    assert!(!client.executor.is_available());

    let page = recorder.handle().render();
    let labels = r#"{provider="twilio",operation="send_message",outcome="not_sent"}"#;
    assert!(page.contains(&format!("phonehub_carrier_errors_total{labels} 5")), "{page}");
    assert!(page.contains(r#"phonehub_carrier_breakers_open{provider="twilio"} 1"#), "{page}");
}

fn query(max_pages: u32) -> FindQuery {
    let since: DateTime<Utc> = "2023-08-24T05:00:00Z".parse().expect("a date");
    FindQuery { to: outgoing().to, sender: outgoing().sender, since, max_pages }
}

fn page(messages: &[serde_json::Value], next: Option<&str>) -> String {
    http("200 OK", &json!({ "messages": messages, "next_page_uri": next }).to_string())
}

#[tokio::test]
async fn a_search_follows_the_carriers_own_addresses_to_the_end() {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let new = listed("SM2", "Thu, 24 Aug 2023 05:01:45 +0000");
    let old = listed("SM1", "Thu, 24 Aug 2023 04:59:59 +0000");
    let serve = async {
        let next = "/2010-04-01/Accounts/AC0/Messages.json?Page=1&PageToken=PA%2B1";
        let first = carrier.answer(&page(std::slice::from_ref(&new), Some(next))).await;
        let second = carrier.answer(&page(&[old], Some("/never-asked-for"))).await;
        (first, second)
    };
    let query = query(5);
    let ((first, second), found) = tokio::join!(serve, client.find(&query));
    assert!(first.contains("/Messages.json?To=%2B14155550123&From=%2B14155550100&PageSize=50 "), "{first}");
    assert!(
        second.starts_with("GET /2010-04-01/Accounts/AC0/Messages.json?Page=1&PageToken=PA%2B1 "),
        "{second}"
    );
    let found = found.expect("read");
    assert!(found.complete);
    assert_eq!(found.messages.iter().map(|m| m.sid.as_str()).collect::<Vec<_>>(), ["SM2"]);
}

#[tokio::test]
async fn a_search_that_gives_up_says_so() {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let answer = page(&[listed("SM2", "Thu, 24 Aug 2023 05:01:45 +0000")], Some("/more"));
    let query = query(1);
    let (_, found) = tokio::join!(carrier.answer(&answer), client.find(&query));
    assert!(!found.expect("read").complete);
}

#[tokio::test]
async fn a_list_that_leads_elsewhere_gets_no_credentials() {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let query = query(5);
    let answer = page(&[], Some("https://evil.test/"));
    let (_, found) = tokio::join!(carrier.answer(&answer), client.find(&query));
    assert_eq!(found.map(drop).map_err(|e| e.kind), Err(ErrorKind::Unreadable));
}

#[tokio::test]
async fn media_are_fetched_at_the_carrier_only_and_redirects_are_guarded() {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let url = format!("http://{}/media/ME1", carrier.at);
    let serve = async {
        let first = carrier
            .answer("HTTP/1.1 307 x\r\nLocation: /stored\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        first.await;
        carrier.answer("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\nConnection: close\r\n\r\npng").await
    };
    let (seen, media) = tokio::join!(serve, client.fetch_media(&url));
    let media = media.expect("fetched");
    assert_eq!((media.content_type.as_str(), media.bytes.as_ref()), ("image/png", b"png".as_slice()));
    assert!(seen.starts_with("GET /stored ") && seen.contains("authorization: Basic"), "{seen}");

    let inward = "HTTP/1.1 302 x\r\nLocation: https://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n";
    let (_, refused) = tokio::join!(carrier.answer(inward), client.fetch_media(&url));
    assert_eq!(refused.map(drop).map_err(|e| e.kind), Err(ErrorKind::NotSent));
    let elsewhere = client.fetch_media("https://evil.test/x").await;
    assert_eq!(elsewhere.map(drop).map_err(|e| e.kind), Err(ErrorKind::Unreadable));
}

#[tokio::test]
async fn an_account_is_checked_and_its_numbers_listed() {
    let carrier = Scripted::new().await;
    let client = carrier.client(PATIENT);
    let account =
        json!({ "sid": "AC0", "friendly_name": "Acme", "status": "active", "type": "Full" }).to_string();
    let (request, info) =
        tokio::join!(async { carrier.answer(&http("200 OK", &account)).await }, client.check_account());
    assert!(
        request.starts_with("GET /2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json "),
        "{request}"
    );
    assert_eq!(info.expect("an account").status.as_deref(), Some("active"));

    let denied = http("401 Unauthorized", "{\"code\":20003,\"message\":\"Authenticate\",\"status\":401}");
    let (_, info) = tokio::join!(carrier.answer(&denied), client.check_account());
    let error = info.expect_err("denied");
    assert_eq!(
        (error.kind, error.code, error.retry()),
        (ErrorKind::Credentials, Some(20_003), RetryClass::Fix)
    );

    let one = |sid: &str, next| {
        let number = json!({ "sid": sid, "phone_number": "+14155550100", "capabilities": { "sms": true } });
        http("200 OK", &json!({ "incoming_phone_numbers": [number], "next_page_uri": next }).to_string())
    };
    let serve = async {
        carrier.answer(&one("PN1", Some("/page2"))).await;
        carrier.answer(&one("PN2", None)).await;
    };
    let ((), senders) = tokio::join!(serve, client.list_senders());
    let sids: Vec<String> = senders.expect("listed").into_iter().map(|sender| sender.sid).collect();
    assert_eq!(sids, ["PN1", "PN2"]);
}

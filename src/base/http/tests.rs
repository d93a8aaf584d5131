use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn client(settings: HttpSettings) -> HttpClient {
    HttpClient::new(settings).expect("a client")
}

fn quick() -> HttpSettings {
    HttpSettings { timeout: Duration::from_millis(300), ..HttpSettings::carrier(Reach::Loopback) }
}

fn patient() -> HttpSettings {
    HttpSettings { max_body: 100, ..HttpSettings::carrier(Reach::Loopback) }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    (listener, at)
}

fn post(at: SocketAddr) -> HttpRequest {
    HttpRequest::post(
        Url::parse(&format!("http://{at}/send")).expect("a URL"),
        vec![("To", "+1 2".to_owned())],
    )
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"To=%2B1+2") {
        assert_ne!(stream.read_buf(&mut read).await.expect("readable"), 0, "closed early");
    }
    String::from_utf8(read).expect("ASCII")
}

/// Says nothing for as long as the client waits.
async fn until_closed(stream: &mut TcpStream) {
    let mut unread = Vec::new();
    while stream.read_buf(&mut unread).await.is_ok_and(|read| read > 0) {}
}

async fn answered_with(answer: &'static str, settings: HttpSettings) -> Result<HttpResponse, HttpError> {
    let (listener, at) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.expect("writable");
    };
    let client = client(settings);
    let request = post(at);
    tokio::join!(server, client.send(&request)).1
}

#[tokio::test]
async fn a_refused_connection_was_never_sent() {
    let (listener, at) = listener().await;
    drop(listener);
    let error = client(patient()).send(&post(at)).await.expect_err("nobody listens");
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    assert!(!error.to_string().contains("/send"), "no URL in an error: {error}");
}

#[tokio::test]
async fn a_failed_tls_handshake_was_never_sent() {
    let (listener, at) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("writable");
    };
    let request = HttpRequest::get(Url::parse(&format!("https://{at}/")).expect("a URL"));
    let client = client(patient());
    let ((), answer) = tokio::join!(server, client.send(&request));
    assert!(matches!(answer, Err(HttpError::NotSent { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_handshake_that_hangs_was_never_sent() {
    let (listener, at) = listener().await;
    let hold = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        until_closed(&mut stream).await;
    };
    let client = client(HttpSettings { connect_timeout: Duration::from_millis(300), ..patient() });
    let request = HttpRequest::get(Url::parse(&format!("https://{at}/")).expect("a URL"));
    let ((), answer) = tokio::join!(hold, client.send(&request));
    assert!(matches!(&answer, Err(HttpError::NotSent { reason }) if reason == "timed out"), "{answer:?}");
}

#[tokio::test]
async fn an_address_out_of_reach_is_never_connected_to() {
    let (_listener, at) = listener().await;
    let public = client(HttpSettings::media());
    for url in [format!("https://{at}/"), format!("https://localhost:{}/", at.port())] {
        let error =
            public.send(&HttpRequest::get(Url::parse(&url).expect("a URL"))).await.expect_err("refused");
        assert!(
            matches!(&error, HttpError::NotSent { reason } if reason.contains("not public")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_reset_after_the_request_is_in_doubt() {
    let answer = answered_with("", patient()).await;
    assert!(matches!(answer, Err(HttpError::InDoubt { status: None, .. })), "{answer:?}");
}

#[tokio::test]
async fn a_hang_is_in_doubt() {
    let (listener, at) = listener().await;
    let hold = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        until_closed(&mut stream).await;
    };
    let client = client(quick());
    let request = post(at);
    let ((), answer) = tokio::join!(hold, client.send(&request));
    let Err(HttpError::InDoubt { status: None, reason }) = answer else { panic!("{answer:?}") };
    assert_eq!(reason, "timed out");
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_too_large_keeps_its_status() {
    let broken = answered_with("HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{", patient()).await;
    assert!(
        matches!(broken, Err(HttpError::InDoubt { status: Some(StatusCode::CREATED), .. })),
        "{broken:?}"
    );
    let endless = "HTTP/1.1 400 Bad Request\r\nContent-Length: 101\r\n\r\n\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let large = answered_with(endless, patient()).await;
    assert!(
        matches!(large, Err(HttpError::InDoubt { status: Some(StatusCode::BAD_REQUEST), .. })),
        "{large:?}"
    );
}

#[tokio::test]
async fn any_status_is_an_answer_and_no_redirect_is_followed() {
    let busy = answered_with("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno", patient()).await;
    assert_eq!(busy.map(|r| (r.status, r.body)).ok(), Some((StatusCode::SERVICE_UNAVAILABLE, "no".into())));
    let moved = "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let moved = answered_with(moved, patient()).await.expect("an answer");
    assert_eq!(moved.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(moved.headers["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn credentials_go_to_the_wire_and_nowhere_else() {
    let (listener, at) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let request = read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("writable");
        request
    };
    let request = post(at).with_basic(Basic { user: "AC1".to_owned(), password: "canary".to_owned().into() });
    let client = client(patient());
    let (seen, answer) = tokio::join!(server, client.send(&request));
    assert_eq!(answer.expect("an answer").status, StatusCode::OK);
    assert!(seen.contains("authorization: Basic QUMxOmNhbmFyeQ=="), "{seen}");
    assert!(seen.contains("content-type: application/x-www-form-urlencoded"), "{seen}");
    assert!(!format!("{request:?}").contains("canary"));
}

//! Connections over real sockets: which ones are ended, and which ones are not.

use axum::{
    Router,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const SHORT: Duration = Duration::from_secs(1);

async fn connected() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ticks = || async {
        Sse::new(stream::unfold((), async |()| {
            sleep(SHORT / 4).await;
            Some((Ok::<_, io::Error>(Event::default().data("tick")), ()))
        }))
    };
    let router = Router::new().route("/", get(|| async { "here" })).route("/ticks", get(ticks));
    let service = router.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(axum::serve(Connections::new(listener, SHORT), service).into_future());
    TcpStream::connect(address).await.unwrap()
}

/// Everything until the other end closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _reset = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_request_that_never_ends_is_not_waited_for() {
    let mut silent = connected().await;
    let mut slow = connected().await;
    let (mut reading, mut writing) = slow.split();
    let dripping = async {
        writing.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        while writing.write_all(b"A: b\r\n").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        let _reset = reading.read_to_end(&mut answer).await;
    };
    tokio::select! {
        () = dripping => {}
        () = ended => {}
    }
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn who_is_answered_stays() {
    let mut kept = connected().await;
    let begun = Instant::now();
    let mut page = vec![0; 1024];
    while begun.elapsed() < SHORT * 2 {
        kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(kept.read(&mut page).await.unwrap() > 0, "the same connection, request after request");
        sleep(SHORT / 4).await;
    }
    let mut listening = connected().await;
    listening.write_all(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < SHORT * 2 {
        assert!(listening.read(&mut page).await.unwrap() > 0, "what is written to stays open");
    }
    let last = rest(&mut kept).await;
    assert_eq!(last, "", "and one that is left alone ends");
}

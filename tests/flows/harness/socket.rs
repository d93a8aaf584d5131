//! A subscriber over `graphql-transport-ws`.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::app::PATIENCE;

/// One socket with one running subscription.
pub struct Subscription {
    socket: WebSocketStream<TcpStream>,
    closed_with: Option<u16>,
}

impl Subscription {
    /// Connects, authenticates, subscribes.
    pub async fn open(server: SocketAddr, token: &str, query: &str, variables: Value) -> Self {
        Self::try_open(server, token, query, variables).await.expect("a server that takes the subscription")
    }

    /// The same with a server that may be gone, or go meanwhile: then `None`.
    pub async fn try_open(server: SocketAddr, token: &str, query: &str, variables: Value) -> Option<Self> {
        let mut request = format!("ws://{server}/graphql").into_client_request().unwrap();
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = TcpStream::connect(server).await.ok()?;
        let (socket, _) = client_async(request, stream).await.ok()?;
        let mut subscription = Self { socket, closed_with: None };
        subscription.try_say(json!({ "type": "connection_init", "payload": { "token": token } })).await?;
        if subscription.receive().await?["type"] != "connection_ack" {
            return None;
        }
        let payload = json!({ "query": query, "variables": variables });
        subscription.try_say(json!({ "type": "subscribe", "id": "1", "payload": payload })).await?;
        Some(subscription)
    }

    /// Resolves once the server has worked on what was said so far.
    pub async fn ready(&mut self) {
        self.say(json!({ "type": "ping" })).await;
        while self.hear().await.expect("an open socket")["type"] != "pong" {}
    }

    /// The data of the next event.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = self.hear().await.expect("an open socket");
            match message["type"].as_str() {
                Some("next") => {
                    assert!(message["payload"].get("errors").is_none(), "{message}");
                    return message["payload"]["data"].clone();
                }
                Some("ping") => self.say(json!({ "type": "pong" })).await,
                Some("pong") => {}
                _ => panic!("unexpected {message}"),
            }
        }
    }

    /// The next message; `None` once the socket is closed.
    pub async fn hear(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.receive()).await.expect("nothing came in time")
    }

    /// The next message, however long it takes; `None` once the socket is closed.
    pub async fn receive(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    self.closed_with = frame.map(|frame| frame.code.into());
                    return None;
                }
                Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code with which the server closes, after any messages before.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the socket stayed open") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("closed without a code: {other:?}"),
            }
        }
    }

    /// The code that came with the close, once [`Self::hear`] has heard it.
    pub const fn closed_with(&self) -> Option<u16> {
        self.closed_with
    }

    /// Says something to the server.
    pub async fn say(&mut self, message: Value) {
        self.try_say(message).await.expect("an open socket");
    }

    /// The same with a server that may be gone.
    pub async fn try_say(&mut self, message: Value) -> Option<()> {
        self.socket.send(Message::text(message.to_string())).await.ok()
    }
}

//! What the machine can do at best, measured in the same run: one-row commits of the same PostgreSQL, and a bare axum
//! WebSocket server that fans texts out without GraphQL, authorisation or a log.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::{net::TcpListener, sync::broadcast};

use crate::{Outcome, server, world::Store};

/// The word that makes this program the bare server; an address follows.
pub const BARE: &str = "serve-bare";
/// One row, one commit.
const ONE_ROW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/one_row.sql");

/// One-row commits a second over 16 connections, by pgbench.
pub async fn commits(store: &Store) -> Outcome<f64> {
    store.run("CREATE TABLE one_row (id BIGSERIAL PRIMARY KEY, body TEXT NOT NULL)").await?;
    let output = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--client=16",
            "--jobs=2",
            "--time=6",
            "--protocol=prepared",
            "--file",
            ONE_ROW,
        ])
        .arg(&store.url)
        .output()
        .map_err(|error| {
            format!("pgbench (Debian: postgresql-contrib or postgresql) did not start: {error}")
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figure = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    figure.ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The bare server as a child process; killed when dropped.
pub struct Bare {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts this program again as the bare server.
    pub async fn start() -> Outcome<Self> {
        let address = server::free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.args([BARE, &address.to_string()]).stdin(Stdio::null()).spawn()?;
        let bare = Self { child, address };
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(bare)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the child process does.
pub async fn serve_bare() -> Outcome<()> {
    let address: SocketAddr = std::env::args().next_back().ok_or("an address is missing")?.parse()?;
    let (events, _) = broadcast::channel::<Utf8Bytes>(16_384);
    let router =
        Router::new().route("/graphql", get(open)).route("/publish", post(publish)).with_state(events);
    let listener = TcpListener::bind(address).await?.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

/// Every line is one event.
async fn publish(State(events): State<broadcast::Sender<Utf8Bytes>>, body: String) {
    for line in body.lines() {
        let _ = events.send(line.into());
    }
}

async fn open(
    State(events): State<broadcast::Sender<Utf8Bytes>>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let upgrade =
        upgrade.protocols(["graphql-transport-ws"]).read_buffer_size(4096).write_buffer_size(16_384);
    upgrade.on_upgrade(move |socket| async move {
        let _ = serve(socket, events).await;
    })
}

/// Speaks as much of the protocol as the subscriber needs, then writes whatever waits in one flush.
async fn serve(mut socket: WebSocket, events: broadcast::Sender<Utf8Bytes>) -> Result<(), axum::Error> {
    use futures_util::SinkExt;
    let mut live = events.subscribe();
    loop {
        tokio::select! {
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) if text.contains("connection_init") => {
                    socket.send(Message::text(r#"{"type":"connection_ack"}"#)).await?;
                }
                Some(Ok(Message::Text(text))) if text.contains(r#""ping""#) => {
                    socket.send(Message::text(r#"{"type":"pong"}"#)).await?;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
            event = live.recv() => {
                if let Ok(event) = event {
                    socket.feed(Message::Text(event)).await?;
                }
                while let Ok(event) = live.try_recv() {
                    socket.feed(Message::Text(event)).await?;
                }
                socket.flush().await?;
            }
        }
    }
}

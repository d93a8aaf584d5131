//! A door with a small schema over an embedded database, and a client for each transport.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, InputObject, Object, Schema, SimpleObject, Subscription};
use axum::Router;
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use entity::ids::{ApiKeyId, OrganizationId};
use entity::{api_key, organization};
use futures_util::{SinkExt, Stream, StreamExt};
use http::{Request, Response};
use http_body_util::BodyExt;
use sea_orm::{ActiveModelTrait, Set};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::door::Door;
use crate::api::{http as edge, routes};
use crate::base::clock::Clock;
use crate::base::ctx::{Ctx, Hub};
use crate::base::error::{Error, ErrorCode};
use crate::base::tokens;
use crate::config::Config;
use crate::graphql::CtxExt;
use crate::graphql::live::opened;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub type TestSchema = Schema<Query, Mutation, Subscriptions>;

/// What the schema's resolvers share with the test.
#[derive(Clone)]
pub struct Source {
    ticks: broadcast::Sender<i32>,
    /// How many subscriptions were executed.
    executions: Arc<std::sync::atomic::AtomicUsize>,
}

#[derive(Default)]
pub struct Query;

#[derive(InputObject)]
struct Pair {
    a: i32,
    b: i32,
}

#[Object]
impl Query {
    async fn add(&self, pair: Pair) -> i32 {
        pair.a + pair.b
    }

    async fn panics(&self, calm: Option<bool>) -> i32 {
        assert!(calm.is_some(), "a secret of the resolver");
        0
    }

    async fn limited(&self) -> async_graphql::Result<Option<i32>> {
        Err(Error::new(ErrorCode::RateLimited, "Slow down.").retry_after(Duration::from_secs(7)).into())
    }

    async fn leaks(&self) -> async_graphql::Result<Option<i32>> {
        Err(async_graphql::Error::new("SELECT secret FROM users"))
    }

    async fn many(&self) -> Vec<Query> {
        (0..50).map(|_| Self).collect()
    }

    async fn organization(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        Ok(context.ctx()?.organization()?.to_string())
    }
}

#[derive(Default)]
pub struct Mutation;

#[Object]
impl Mutation {
    async fn tick(&self, context: &Context<'_>, n: i32) -> usize {
        context.data_unchecked::<Source>().ticks.send(n).unwrap_or_default()
    }
}

#[derive(SimpleObject)]
struct Tick {
    cursor: String,
    n: i32,
}

#[derive(Default)]
pub struct Subscriptions;

#[Subscription]
impl Subscriptions {
    async fn ticks(
        &self,
        context: &Context<'_>,
        after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = Tick> + use<>> {
        context.ctx()?.organization()?;
        let source = context.data_unchecked::<Source>();
        source.executions.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let live = source.ticks.subscribe();
        opened(context);
        let replay =
            futures_util::stream::iter(after.and_then(|after| after.parse::<i32>().ok()).map(|n| n + 1));
        let live = futures_util::stream::unfold(live, |mut live| async {
            live.recv().await.ok().map(|n| (n, live))
        });
        Ok(replay.chain(live).map(|n| Tick { cursor: n.to_string(), n }))
    }

    async fn count(&self, to: i32) -> impl Stream<Item = i32> + use<> {
        futures_util::stream::iter(1..=to)
    }
}

/// A running door.
pub struct World {
    pub hub: Arc<Hub>,
    pub door: Door<TestSchema>,
    pub token: String,
    pub key: ApiKeyId,
    pub stopping: CancellationToken,
    source: Source,
    router: Router,
    _folder: Folder,
}

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl World {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(settings: &[(&str, &str)]) -> Self {
        let folder = Folder(std::env::temp_dir().join(format!("phonehub-door-{}", uuid::Uuid::now_v7())));
        std::fs::create_dir_all(&folder.0).unwrap();
        let url = format!("sqlite:{}", folder.0.join("door.sqlite").display());
        let key = |byte: u8| format!("k{byte}:{}", STANDARD.encode([byte; 32]));
        let (master, token) = (key(1), key(2));
        let mut pairs = vec![
            ("DATABASE_URL", url.as_str()),
            ("PHONEHUB_MASTER_KEY", &master),
            ("PHONEHUB_TOKEN_KEY", &token),
        ];
        pairs.extend_from_slice(settings);
        let hub = Hub::open(Config::from_pairs(&pairs).unwrap(), Clock::default()).await.unwrap();
        let (key, token) = give_key(&hub).await;
        let source = Source { ticks: broadcast::channel(4_096).0, executions: Arc::default() };
        let schema = Schema::build(Query, Mutation, Subscriptions).data(source.clone()).finish();
        let stopping = CancellationToken::new();
        let sdl = schema.sdl();
        let door = Door::new(hub.clone(), schema, &sdl, stopping.clone());
        let observed = axum::middleware::from_fn_with_state(hub.clone(), edge::observe);
        let router = routes(door.clone()).layer(observed);
        Self { hub, door, token, key, stopping, source, router, _folder: folder }
    }

    pub fn executions(&self) -> usize {
        self.source.executions.load(std::sync::atomic::Ordering::SeqCst)
    }

    pub fn tick(&self, n: i32) {
        self.source.ticks.send(n).expect("somebody is subscribed");
    }

    pub async fn revoke(&self) {
        let ctx = Ctx::administrator(self.hub.clone());
        let tx = ctx.begin().await.unwrap();
        let now = ctx.now();
        let row =
            api_key::ActiveModel { id: Set(self.key), revoked_at: Set(Some(now)), ..Default::default() };
        row.update(&*tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Posts JSON and gives status and body.
    pub async fn post(&self, accept: &str, body: &Value) -> (u16, Value) {
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("accept", accept)
            .header("authorization", format!("Bearer {}", self.token))
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.send(request).await;
        (response.status().as_u16(), json_of(response).await)
    }

    /// Listens, and connects one socket without saying anything on it.
    pub async fn connect(&self) -> Socket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, self.router.clone()).into_future());
        Socket::connect(addr).await
    }

    /// A socket that was acknowledged.
    pub async fn socket(&self) -> Socket {
        let mut socket = self.connect().await;
        socket.init(&self.token).await;
        socket
    }
}

async fn give_key(hub: &Arc<Hub>) -> (ApiKeyId, String) {
    let ctx = Ctx::administrator(hub.clone());
    let tx = ctx.begin().await.unwrap();
    let (organization, key, token) = (OrganizationId::new(), ApiKeyId::new(), tokens::new_api_key());
    let row = organization::ActiveModel {
        id: Set(organization),
        name: Set("Door".to_owned()),
        default_region: Set("US".to_owned()),
        is_operator: Set(false),
        created_at: Set(ctx.now()),
        ..Default::default()
    };
    row.insert(&*tx).await.unwrap();
    let row = api_key::ActiveModel {
        id: Set(key),
        organization_id: Set(organization),
        name: Set("door".to_owned()),
        hint: Set(token[..8].to_owned()),
        secret_hash: Set(tokens::hash(&token)),
        scopes: Set(json!(["messages:read"])),
        created_by: Set(None),
        created_at: Set(ctx.now()),
        expires_at: Set(None),
        last_used_at: Set(Some(ctx.now())),
        revoked_at: Set(None),
    };
    row.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
    (key, token)
}

pub async fn json_of(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// A client that says exactly what the test wants.
pub struct Socket(pub WebSocketStream<TcpStream>);

impl Socket {
    pub async fn connect(addr: SocketAddr) -> Self {
        let mut request = format!("ws://{addr}/graphql").into_client_request().unwrap();
        let offer = HeaderValue::from_static("graphql-ws, graphql-transport-ws");
        request.headers_mut().insert("sec-websocket-protocol", offer);
        let stream = TcpStream::connect(addr).await.unwrap();
        let (socket, response) = client_async(request, stream).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
        Self(socket)
    }

    pub async fn init(&mut self, token: &str) {
        self.say(&json!({ "type": "connection_init", "payload": { "token": token } })).await;
        assert_eq!(self.hear().await, json!({ "type": "connection_ack" }));
    }

    /// Subscribes and returns when the server has taken it up.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: &Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(&json!({ "type": "subscribe", "id": id, "payload": payload })).await;
        self.say(&json!({ "type": "ping" })).await;
        assert_eq!(self.hear().await, json!({ "type": "pong" }));
    }

    pub async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub async fn hear(&mut self) -> Value {
        match timeout(PATIENCE, self.0.next()).await.expect("nothing came in time") {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// The next message; `None` when the socket ends instead.
    pub async fn heard(&mut self) -> Option<Value> {
        match timeout(PATIENCE, self.0.next()).await.expect("nothing came in time") {
            Some(Ok(Message::Text(text))) => Some(serde_json::from_str(&text).unwrap()),
            _ => None,
        }
    }

    /// Says something that the server may hang up over.
    pub async fn try_say_text(&mut self, text: &str) {
        let _hung_up = self.0.send(Message::text(text)).await;
    }

    /// The code with which the server closes; messages before it are skipped.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("the socket stayed open") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("closed without a code: {other:?}"),
            }
        }
    }
}

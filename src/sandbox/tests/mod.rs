//! Drives the sandbox over HTTP as a client would, and checks its answers against Twilio's own description.

mod creates;
mod faults;
mod inbound;
mod journal;
mod life;
mod lists;
mod media;
mod numbers;
mod schema;
mod stage;
mod tables;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use reqwest::Client;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use super::{Account, Running, Service, Settings, Timing, params::Params, start, webhook::sign};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "fedcba9876543210fedcba9876543210";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const OURS: &str = "+12065550190";
const OTHER: &str = "+12065550191";
const PHONE: &str = "+12065550150";

/// No event of a test takes this long; a test that waits in vain fails then.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox and a client of it.
struct Stage {
    sandbox: Running,
    http: Client,
}

#[expect(clippy::disallowed_methods, reason = "a client that shares no code with ours drives the sandbox")]
fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .expect("a client without options can be built")
}

fn account() -> Account {
    let mut account = Account::new(ACCOUNT, TOKEN).with_number(OURS, None).with_number(OTHER, None);
    account.api_keys.push(("SK0123456789abcdef0123456789abcdef".into(), "secret".into()));
    account.services.push(Service { sid: SERVICE.into(), numbers: vec![OTHER.into()] });
    account
}

fn settings() -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        accounts: vec![account()],
        timing: Timing::instant(),
        ..Settings::default()
    }
}

impl Stage {
    async fn with(settings: Settings) -> Self {
        Self { sandbox: start(settings).await.expect("port 0 is free"), http: client() }
    }

    async fn new() -> Self {
        Self::with(settings()).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    fn api(&self, path: &str) -> String {
        self.url(&format!("/2010-04-01/Accounts/{ACCOUNT}{path}"))
    }

    async fn post(&self, url: &str, form: &[(&str, &str)]) -> reqwest::Result<Answer> {
        let request = self.http.post(url).basic_auth(ACCOUNT, Some(TOKEN)).form(form);
        Answer::of(request.send().await?).await
    }

    /// A create request that reaches the carrier.
    async fn create(&self, form: &[(&str, &str)]) -> Answer {
        self.post(&self.api("/Messages.json"), form).await.expect("the sandbox answers")
    }

    /// Sends a text and answers the carrier's SID.
    async fn send(&self, to: &str, body: &str) -> String {
        let answer = self.create(&[("To", to), ("From", OURS), ("Body", body)]).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["sid"].as_str().expect("a SID").to_owned()
    }

    async fn get(&self, url: &str) -> Answer {
        let request = self.http.get(url).basic_auth(ACCOUNT, Some(TOKEN));
        Answer::of(request.send().await.expect("the sandbox answers")).await.expect("a whole answer")
    }

    async fn fetch(&self, sid: &str) -> Value {
        self.get(&self.api(&format!("/Messages/{sid}.json"))).await.body
    }

    /// Something on the stage door.
    async fn control(&self, path: &str, body: Value) -> Answer {
        let request = self.http.post(self.url(path)).json(&body);
        Answer::of(request.send().await.expect("the sandbox answers")).await.expect("a whole answer")
    }

    async fn fault(&self, rule: Value) {
        let answer = self.control("/sandbox/faults", rule).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Waits until nothing is under way any more.
    async fn idle(&self) {
        let answer = self.get(&self.url("/sandbox/idle?timeout_ms=15000")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    async fn messages(&self) -> Vec<Value> {
        let answer = self.get(&self.url("/sandbox/messages")).await;
        answer.body["messages"].as_array().expect("a list").clone()
    }

    async fn stats(&self) -> Value {
        self.get(&self.url("/sandbox/stats")).await.body
    }
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
    /// Null if it is no JSON.
    body: Value,
}

impl Answer {
    async fn of(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, text, body })
    }
}

/// A webhook that arrived.
struct Hit {
    path: String,
    params: Params,
    idempotency_token: String,
}

impl Hit {
    fn get(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }
}

type Script = Arc<dyn Fn(&Hit) -> Response + Send + Sync>;

/// A client's web server. It refuses what is not signed with [`TOKEN`], hands on what arrives, and answers by its script.
struct Receiver {
    base: String,
    hits: mpsc::UnboundedReceiver<Hit>,
}

#[derive(Clone)]
struct Shared {
    base: String,
    script: Script,
    sender: mpsc::UnboundedSender<Hit>,
}

impl Receiver {
    async fn new(script: impl Fn(&Hit) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (sender, hits) = mpsc::unbounded_channel();
        let shared = Shared { base: base.clone(), script: Arc::new(script), sender };
        let app = axum::Router::new().fallback(receive).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base, hits }
    }

    /// Answers 204 to everything.
    async fn silent() -> Self {
        Self::new(|_| StatusCode::NO_CONTENT.into_response()).await
    }

    async fn twiml(document: &'static str) -> Self {
        Self::new(move |_| ([(CONTENT_TYPE, "text/xml")], document).into_response()).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn next(&mut self) -> Hit {
        timeout(PATIENCE, self.hits.recv()).await.expect("a webhook in time").expect("the server lives")
    }

    /// What has arrived and nobody has looked at.
    fn rest(&mut self) -> Vec<Hit> {
        std::iter::from_fn(|| self.hits.try_recv().ok()).collect()
    }
}

async fn receive(
    State(shared): State<Shared>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signed = headers.get("X-Twilio-Signature").map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let in_body = Params::parse(&body);
    let url = format!("{}{uri}", shared.base);
    if signed != sign(TOKEN, &url, &in_body.pairs().collect::<Vec<_>>()).as_bytes() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let params =
        if body.is_empty() { Params::parse(uri.query().unwrap_or_default().as_bytes()) } else { in_body };
    let token = headers.get("I-Twilio-Idempotency-Token").and_then(|value| value.to_str().ok());
    let hit = Hit { path: uri.to_string(), params, idempotency_token: token.unwrap_or_default().to_owned() };
    let answer = (shared.script)(&hit);
    // The test may have ended.
    let _ = shared.sender.send(hit);
    answer
}

//! Clients that send without end, each message under its idempotency key, and repeat every call that was not answered.
//! What they were told is one side of the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{app, fleet::Fleet, patience::eventually};

/// Between two messages of one client.
const PACE: Duration = Duration::from_millis(200);
/// Before a call is repeated.
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than this a client does not wait for an answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Phones, from +12065550160 on.
const PHONES: usize = 40;

/// What all clients were told.
#[derive(Default)]
pub struct Told {
    /// By text: the ids that the API answered; more than one would be a broken promise.
    pub accepted: BTreeMap<String, BTreeSet<String>>,
    /// When the first answer came.
    pub answered_at: BTreeMap<String, Instant>,
    /// Calls that were told to come again, by error code.
    pub refused: BTreeMap<String, usize>,
    /// Calls that nobody answered.
    pub unanswered: usize,
    /// How long the accepting answers took.
    times: Vec<Duration>,
}

impl Told {
    /// The time that half of the answers took at most.
    pub fn typical_time(&mut self) -> Duration {
        self.times.sort_unstable();
        self.times[self.times.len() / 2]
    }
}

/// Clients under way.
pub struct Load {
    told: Arc<Mutex<Told>>,
    stop: CancellationToken,
    clients: JoinSet<()>,
}

#[derive(Clone)]
struct Client {
    number: usize,
    servers: Vec<SocketAddr>,
    token: String,
    http: reqwest::Client,
    told: Arc<Mutex<Told>>,
}

enum Answer {
    Accepted(String),
    Again(String),
    None,
}

impl Load {
    /// So many clients, which start at different instances and go to the next one when a call is not answered.
    pub fn start(fleet: &Fleet, clients: usize) -> Self {
        let (told, stop) = (Arc::<Mutex<Told>>::default(), CancellationToken::new());
        let mut running = JoinSet::new();
        for number in 0..clients {
            let client = Client {
                number,
                servers: fleet.addresses(),
                token: fleet.token.clone(),
                http: app::client(),
                told: told.clone(),
            };
            running.spawn(client.send_until(stop.clone()));
        }
        Self { told, stop, clients: running }
    }

    /// How many messages were accepted so far.
    pub fn accepted(&self) -> usize {
        self.told.lock().unwrap().accepted.len()
    }

    /// How many calls were told to come again so far.
    pub fn refused(&self) -> usize {
        self.told.lock().unwrap().refused.values().sum()
    }

    /// Waits until so many more messages were accepted.
    pub async fn progress(&self, more: usize) {
        let wanted = self.accepted() + more;
        eventually("messages are accepted", async || (self.accepted() >= wanted).then_some(())).await;
    }

    /// Begins no more calls and repeats those under way until they are answered.
    pub async fn finish(mut self) -> Told {
        self.stop.cancel();
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl Client {
    async fn send_until(self, stop: CancellationToken) {
        let mut place = self.number;
        for n in 0.. {
            if stop.is_cancelled() {
                return;
            }
            let body = format!("message {n} of client {}", self.number);
            while !self.send(place, n, &body).await {
                place += 1;
                sleep(PAUSE).await;
            }
            sleep(PACE).await;
        }
    }

    /// One call; whether it was answered for good.
    async fn send(&self, place: usize, n: usize, body: &str) -> bool {
        let server = self.servers[place % self.servers.len()];
        let phone = format!("+120655501{}", 60 + (n + 7 * self.number) % PHONES);
        let begun = Instant::now();
        let answer = self.call(server, &phone, body).await;
        let mut told = self.told.lock().unwrap();
        match answer {
            Answer::Accepted(id) => {
                told.times.push(begun.elapsed());
                told.accepted.entry(body.to_owned()).or_default().insert(id);
                told.answered_at.entry(body.to_owned()).or_insert_with(Instant::now);
                return true;
            }
            Answer::Again(code) => *told.refused.entry(code).or_default() += 1,
            Answer::None => told.unanswered += 1,
        }
        false
    }

    async fn call(&self, server: SocketAddr, phone: &str, body: &str) -> Answer {
        let input = json!({ "to": { "phoneNumber": phone }, "body": body, "idempotencyKey": body });
        let call = json!({ "query": app::SEND, "variables": { "input": input } });
        let request = self.http.post(format!("http://{server}/graphql")).bearer_auth(&self.token).json(&call);
        let Ok(answer) = request.timeout(PATIENCE).send().await else { return Answer::None };
        let Ok(answer) = answer.json::<Value>().await else { return Answer::None };
        let result = &answer["data"]["sendMessage"];
        if let Some(id) = result["message"]["id"].as_str() {
            return Answer::Accepted(id.to_owned());
        }
        let code =
            answer["errors"][0]["extensions"]["code"].as_str().or(result["userErrors"][0]["code"].as_str());
        match code {
            Some(code @ ("UNAVAILABLE" | "IDEMPOTENCY_CONCURRENT_REQUEST")) => Answer::Again(code.to_owned()),
            _ => panic!("a client that sends was told {answer}"),
        }
    }
}

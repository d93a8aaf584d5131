//! Server processes over one database with a sandbox that outlives them. Looks into the database from outside.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use entity::{enums::InDoubtPolicy, organization};
use phonehub::{
    base::{
        clock::Clock,
        ctx::{Ctx, Hub},
        phone::Region,
    },
    config::Config,
    features::organizations::admin,
    sandbox::Running,
};
use sea_orm::{ActiveEnum, ConnectionTrait};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    app::{self, ACCOUNT, Options},
    database::TestDatabase,
    graphql::Gql,
    patience::eventually,
    process::{Process, own_address},
};

/// Fleets run one after another: what a test says about time would else be about its neighbours.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Short enough for a test, in the order that the rules ask for: time-out < lease, and a window of several looks.
const TIMES: [(&str, &str); 5] = [
    ("PHONEHUB_CARRIER_TIMEOUT", "2s"),
    ("PHONEHUB_JOB_LEASE", "5s"),
    ("PHONEHUB_IN_DOUBT_WINDOW", "2s"),
    ("PHONEHUB_POLL_AFTER", "2s"),
    ("PHONEHUB_DATABASE_CONNECTIONS", "12"),
];

/// Instances of one installation. The first one has the public address.
pub struct Fleet {
    pub processes: Vec<Process>,
    pub sandbox: Running,
    /// The same database, seen from outside; its servers know nothing of this one.
    pub hub: Arc<Hub>,
    pub organization: organization::Model,
    pub token: String,
    pub http: reqwest::Client,
    database: TestDatabase,
    settings: Vec<(String, String)>,
    _alone: MutexGuard<'static, ()>,
}

impl Fleet {
    /// So many instances, all ready.
    pub async fn start(instances: usize) -> Self {
        Self::start_over(TestDatabase::new().await, instances, Options::default()).await
    }

    /// The same over a database that the test chose, with settings of its own.
    pub async fn start_over(database: TestDatabase, instances: usize, options: Options) -> Self {
        let mut fleet = Self::prepare(database, options).await;
        for _ in 0..instances {
            fleet.another();
            fleet.processes.last_mut().unwrap().ready().await;
        }
        fleet
    }

    /// So many processes started at the same moment over an untouched database, none of them awaited.
    pub async fn start_together(database: &TestDatabase, instances: usize) -> Vec<Process> {
        let addresses: Vec<_> = (0..instances).map(|_| own_address()).collect();
        let sandbox = app::start_sandbox(addresses[0], None).await;
        let settings = app::settings(database, addresses[0], &sandbox, &Options::default());
        addresses.into_iter().map(|address| Process::spawn(&settings, address, &database.folder)).collect()
    }

    /// Everything but the servers.
    async fn prepare(database: TestDatabase, options: Options) -> Self {
        let alone = ALONE.lock().await;
        let address = own_address();
        let sandbox = app::start_sandbox(address, options.timing).await;
        let mut settings = app::settings(&database, address, &sandbox, &Options::default());
        settings.extend(TIMES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, value) in options.settings {
            settings.retain(|(known, _)| known != name);
            settings.push((name.to_owned(), value));
        }
        let outside = settings.iter().filter(|(name, _)| name != "REDIS_URL").cloned();
        let hub = Hub::open(Config::load(outside, None).unwrap(), Clock::default()).await.unwrap();
        let ctx = Ctx::administrator(hub.clone());
        let organization = admin::create_organization(&ctx, "Acme", Region::US, true).await.unwrap();
        let token = app::key(&ctx, &organization).await;
        let http = app::client();
        let processes = Vec::new();
        Self { processes, sandbox, hub, organization, token, http, database, settings, _alone: alone }
    }

    /// Starts one more instance, without waiting for it.
    pub fn another(&mut self) -> &mut Process {
        let address = if self.processes.is_empty() { self.public() } else { own_address() };
        self.processes.push(Process::spawn(&self.settings, address, &self.database.folder));
        self.processes.last_mut().unwrap()
    }

    fn public(&self) -> SocketAddr {
        let url = &self.hub.config.public_url;
        url.socket_addrs(|| None).unwrap()[0]
    }

    /// Where the instances listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.processes.iter().map(|process| process.address).collect()
    }

    /// Speaks with one instance.
    pub fn gql(&self, instance: usize) -> Gql {
        let url = format!("http://{}/graphql", self.processes[instance].address);
        Gql { http: self.http.clone(), url, token: self.token.clone() }
    }

    /// Sends a text through one instance, under itself as the key, and gives the message's id.
    pub async fn send(&self, instance: usize, to: &str, body: &str) -> String {
        let input = json!({ "to": { "phoneNumber": to }, "body": body, "idempotencyKey": body });
        let data = self.gql(instance).ok(app::SEND, json!({ "input": input })).await;
        data["sendMessage"]["message"]["id"].as_str().unwrap_or_else(|| panic!("refused: {data}")).to_owned()
    }

    /// The same, and waits until the carrier has it.
    pub async fn send_through(&self, instance: usize, to: &str, body: &str) -> String {
        let id = self.send(instance, to, body).await;
        let path = format!("messages?to=%2B{}", &to[1..]);
        eventually("the carrier takes it", async || {
            let taken = self.stage(&path).await;
            (!taken["messages"].as_array().unwrap().is_empty()).then_some(())
        })
        .await;
        id
    }

    /// What follows when nobody knows whether the carrier has a message.
    pub async fn set_policy(&self, policy: InDoubtPolicy) {
        let sql = "UPDATE carrier_configs SET in_doubt_policy = $1";
        let statement = self.hub.db.sql(sql, [policy.to_value().into()]);
        let written = self.hub.db.read().execute_raw(statement).await.unwrap();
        assert_eq!(written.rows_affected(), 1);
    }

    /// Asks the sandbox's stage door.
    pub async fn stage(&self, path: &str) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.base_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// Scripts a fault.
    pub async fn fault(&self, fault: Value) {
        let url = format!("{}/sandbox/faults", self.sandbox.base_url());
        let answer = self.http.post(url).json(&fault).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// From now on the carrier takes each hand-over at once and answers it so much later.
    pub async fn slow_carrier(&self, pause: Duration) {
        self.fault(json!({ "fault": "hang", "when": "after", "ms": pause.as_millis() })).await;
    }

    /// What the carrier took, newest last.
    pub async fn taken(&self) -> Vec<Value> {
        let mut answer =
            self.stage(&format!("messages?account={ACCOUNT}&direction=outbound-api&limit=100000")).await;
        let Value::Array(taken) = answer["messages"].take() else { panic!("no list") };
        taken
    }
}

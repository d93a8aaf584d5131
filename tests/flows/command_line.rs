//! The command line as operators use it: the real binary, its exit codes, what it prints, what it refuses.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use entity::number;
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::harness::{TestDatabase, eventually};

/// One database and the settings that go with it.
struct Installation {
    database: TestDatabase,
    vars: Vec<(&'static str, String)>,
}

fn key(id: &str, fill: u8) -> String {
    format!("{id}:{}", STANDARD.encode([fill; 32]))
}

impl Installation {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let vars = vec![
            ("DATABASE_URL", database.url.clone()),
            ("PHONEHUB_DATA_DIR", database.folder.display().to_string()),
            ("PUBLIC_URL", "https://hub.example".to_owned()),
            ("PHONEHUB_MASTER_KEY", key("k1", 1)),
            ("PHONEHUB_TOKEN_KEY", key("t1", 9)),
        ];
        Self { database, vars }
    }

    fn set(&mut self, name: &'static str, value: String) {
        self.vars.retain(|(known, _)| *known != name);
        self.vars.push((name, value));
    }

    fn run(&self, args: &[&str]) -> Output {
        command(&self.vars).args(args).output().unwrap()
    }

    /// What a command that succeeds prints.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What a command that fails says.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    fn file(&self, name: &str) -> String {
        self.database.folder.join(name).display().to_string()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The binary with these settings and none of the test's own.
fn command(vars: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phonehub"));
    let kept = ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"];
    command.env_clear().envs(kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(vars.iter().map(|(name, value)| (*name, value.as_str()))).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn all_wrong_settings_are_told_at_once_and_no_secret_with_them() {
    let mut installation = Installation::new().await;
    installation.set("PHONEHUB_LISTN", "127.0.0.1:1".to_owned());
    installation.set("PHONEHUB_MASTER_KEY", "canary-secret".to_owned());
    installation.set("PHONEHUB_JOB_LEASE", "5s".to_owned());
    let said = installation.refused(&["migrate"]);
    for part in ["PHONEHUB_LISTEN?", "PHONEHUB_MASTER_KEY: ", "PHONEHUB_JOB_LEASE: is not longer than"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("canary-secret"), "{said}");
    installation.set("PHONEHUB_CONFIG", installation.file("missing.toml"));
    assert!(installation.refused(&["migrate"]).contains("missing.toml cannot be read"));
}

#[tokio::test]
async fn settings_come_from_a_file_too() {
    let mut installation = Installation::new().await;
    let (name, value) = installation.vars.remove(0);
    let path = installation.file("phonehub.toml");
    std::fs::write(&path, format!("{name} = {value:?}\n")).unwrap();
    installation.set("PHONEHUB_CONFIG", path);
    assert!(installation.ok(&["migrate"]).contains("up to date"));
}

#[tokio::test]
async fn an_operator_sets_an_installation_up() {
    let installation = Installation::new().await;
    let organization = installation.ok(&["admin", "create-organization", "Acme", "--operator"]);
    let organization = organization.trim();
    assert!(organization.starts_with("org_"), "{organization}");
    let ada = "ada@example.com";
    let owner = ["admin", "create-owner", "--organization", organization, "--email", ada, "--name", "Ada"];
    assert!(installation.ok(&owner).contains("Password, shown this once"));
    assert!(installation.ok(&["admin", "make-operator", ada]).contains("now an operator"));
    assert!(installation.ok(&["admin", "make-operator", ada, "--revoke"]).contains("no longer"));
    let key = ["admin", "create-key", "--organization", organization, "--name", "partner", "--scopes"];
    assert!(installation.ok(&[&key[..], &["messages:read"]].concat()).contains("phk_"));
    let said = installation.refused(&[&key[..], &["messages:fly"]].concat());
    assert!(said.contains("messages:send"), "the scopes there are: {said}");
    let invitation = ["admin", "invitation-link", "--organization", organization, "--email", "b@example.com"];
    for link in [&invitation[..], &["admin", "password-reset-link", ada]] {
        assert!(installation.ok(link).starts_with("https://hub.example/"), "{link:?}");
    }
    assert!(
        installation.refused(&["admin", "password-reset-link", "nobody@example.com"]).contains("nothing")
    );
    assert!(installation.refused(&["admin", "create-organization", "X", "--region", "USA"]).contains("USA"));
}

#[tokio::test]
async fn senders_of_the_system_config_find_an_operator_who_comes_later() {
    let mut installation = Installation::new().await;
    for (name, value) in [
        ("PHONEHUB_LISTEN", free_address()),
        ("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "true".to_owned()),
        ("TWILIO_BASE_URL", "http://127.0.0.1:1".to_owned()),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef".to_owned()),
        ("TWILIO_AUTH_TOKEN", "canary-secret".to_owned()),
        ("TWILIO_PHONE_NUMBER", "+12065550150".to_owned()),
    ] {
        installation.set(name, value);
    }
    let server = Server::start(&installation.vars);
    eventually("it answers", async || installation.run(&["healthcheck"]).status.success().then_some(()))
        .await;
    let db = sea_orm::Database::connect(&installation.database.url).await.unwrap();
    assert_eq!(number::Entity::find().count(&db).await.unwrap(), 0, "whose should they be?");
    let organization = installation.ok(&["admin", "create-organization", "Acme", "--operator"]);
    let rows = number::Entity::find().all(&db).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].organization_id.to_string(), organization.trim());
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_backup_moves_an_installation_and_the_master_key_is_watched() {
    let mut old = Installation::new().await;
    old.ok(&["admin", "create-organization", "Acme"]);
    let file = old.file("backup.jsonl");
    assert!(old.ok(&["backup", &file]).contains("rows are in"));
    assert!(old.refused(&["backup", &file]).contains("exists already"));

    let mut new = Installation::new().await;
    assert!(new.ok(&["restore", &file]).contains("Sending is paused"));
    assert!(new.refused(&["restore", &file]).contains("not empty"));
    assert!(new.ok(&["admin", "resume-sending"]).contains("resumed"));
    assert!(new.ok(&["admin", "pause-sending"]).contains("paused"));

    new.set("PHONEHUB_MASTER_KEY", key("k1", 2));
    assert!(new.refused(&["admin", "resume-sending"]).contains("does not open"));
    new.set("PHONEHUB_MASTER_KEY", format!("{},{}", key("k2", 2), key("k1", 1)));
    assert!(new.ok(&["admin", "rotate-master-key"]).contains("sealed anew"));
    new.set("PHONEHUB_MASTER_KEY", key("k2", 2));
    new.ok(&["admin", "resume-sending"]);

    old.set("DATABASE_URL", format!("sqlite:{}", old.file("never-migrated.sqlite")));
    assert!(old.refused(&["backup", &old.file("other.jsonl")]).contains("phonehub migrate"));
}

#[test]
fn the_schema_is_the_file() {
    let output = command(&[]).arg("schema").output().unwrap();
    assert!(output.status.success());
    let hint = "cargo run -- schema > schema.graphql";
    let printed = text(&output.stdout);
    let differing =
        printed.lines().zip(include_str!("../../schema.graphql").lines()).find(|(now, then)| now != then);
    assert_eq!(differing, None, "write it anew: {hint}");
    assert_eq!(printed.len(), include_str!("../../schema.graphql").len(), "write it anew: {hint}");
}

/// A server as a child process; killed when the test fails.
struct Server {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    fn start(vars: &[(&'static str, String)]) -> Self {
        let mut child = command(vars).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until a line holds `part`.
    fn line_with(&mut self, part: &str) -> String {
        self.lines.by_ref().map(Result::unwrap).find(|line| line.contains(part)).expect(part)
    }

    /// Asks it to stop and waits for it.
    fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn the_demo_starts_answers_a_phone_and_stops() {
    let folder = TestDatabase::new().await.folder.with_extension("demo");
    let (listen, carrier) = (free_address(), free_address());
    let vars = [
        ("PHONEHUB_DATA_DIR", folder.display().to_string()),
        ("PHONEHUB_LISTEN", listen.clone()),
        ("PUBLIC_URL", format!("http://{listen}")),
        ("PHONEHUB_SANDBOX_LISTEN", carrier.clone()),
    ];
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(
        command(&vars).arg("healthcheck").output().unwrap().status.code(),
        Some(1),
        "nobody listens yet"
    );
    for start in 1..=2 {
        let mut server = Server::start(&vars);
        let token = server.line_with("Token");
        assert!(token.contains("phk_"), "start {start}: {token}");
        server.line_with("mutation");
        let health = command(&vars).arg("healthcheck").output().unwrap();
        assert!(health.status.success(), "start {start}: {}", text(&health.stdout));
        let say = ["sandbox", "say", "--from", "+12065550142", "--to", "+12065550150", "Is anybody there?"];
        let said = command(&vars).args(say).output().unwrap();
        assert!(said.status.success(), "{}", text(&said.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(answer["webhook_status"], 200, "{answer}");
        assert!(server.stop().success(), "start {start}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_sandbox_runs_alone() {
    let folder = std::env::temp_dir().join(format!("phonehub-alone-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).unwrap();
    let vars = [
        ("PHONEHUB_DATA_DIR", folder.display().to_string()),
        ("PHONEHUB_SANDBOX_LISTEN", free_address()),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef".to_owned()),
        ("TWILIO_AUTH_TOKEN", "canary-secret".to_owned()),
        ("TWILIO_PHONE_NUMBER", "+12065550150".to_owned()),
    ];
    let mut child =
        command(&vars).arg("sandbox").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut sandbox = Server { child, lines };
    let account = sandbox.line_with("Account AC");
    assert!(!account.contains("canary-secret"), "{account}");
    sandbox.line_with(&vars[1].1);
    assert!(sandbox.stop().success());
    std::fs::remove_dir_all(folder).unwrap();
}

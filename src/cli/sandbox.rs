//! `phonehub sandbox`: the emulated carrier as a process of its own, and a text from one of its phones.

use std::error::Error;
use std::net::SocketAddr;

use phonehub::config::{Config, TwilioSeed};
use phonehub::sandbox::{self, Account, Settings};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Sandbox, SandboxCommand, plain_http};

type Done = Result<(), Box<dyn Error>>;

/// Where the sandbox remembers its messages, in the data folder.
const JOURNAL: &str = "phonehub.sandbox.jsonl";

pub(crate) async fn run(command: Sandbox, config: Config) -> Done {
    match command.command {
        None => emulate(config).await,
        Some(SandboxCommand::Say { from, to, body, at }) => {
            let at = at.unwrap_or(config.sandbox_listen);
            tokio::task::spawn_blocking(move || say(at, &from, &to, &body)).await?
        }
    }
}

async fn emulate(config: Config) -> Done {
    phonehub::base::telemetry::start_log(&config.log);
    let accounts: Vec<Account> = config.twilio.iter().map(|seed| account(seed, &config)).collect();
    for account in &accounts {
        println!("Account {}, the token as configured, texts go to the server at {}", account.sid, config.public_url);
    }
    if accounts.is_empty() {
        println!("No account yet: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_PHONE_NUMBER,");
        println!("or make one with POST /sandbox/accounts");
    }
    let running = sandbox::start(Settings {
        listen: config.sandbox_listen,
        accounts,
        journal: Some(config.data_dir.join(JOURNAL)),
        ..Settings::default()
    });
    let running = running.await?;
    println!("The sandbox carrier listens at {}", running.base_url());
    phonehub::base::stop::requested().await;
    running.stop().await;
    Ok(())
}

/// The account that a server with the same settings calls, whose texts arrive at that server.
fn account(seed: &TwilioSeed, config: &Config) -> Account {
    let inbound = format!("{}/api/webhooks/sms/incoming", config.public_url.as_str().trim_end_matches('/'));
    Account::new(&seed.account_sid, seed.auth_token.expose_secret())
        .with_number(&seed.phone_number, Some(inbound.as_str()))
}

fn say(at: SocketAddr, from: &str, to: &str, body: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = json!({ "from": from, "to": to, "body": body }).to_string();
    let answer = plain_http::ask(at, "/sandbox/say", Some(&text))
        .map_err(|error| format!("no sandbox answers at {at} ({error}); is the server running?"))?;
    match answer.status {
        200 => println!("{}", answer.body),
        status => return Err(format!("the sandbox refused with {status}: {}", answer.body).into()),
    }
    Ok(())
}

//! `phonehub sandbox`: the emulated carrier as a process of its own, and a text from one of its phones.

use std::error::Error;

use phonehub::config::{Config, TwilioSeed};
use phonehub::sandbox::{self, Account, Saying, Settings};
use secrecy::ExposeSecret;

use super::{Sandbox, SandboxCommand};

type Done = Result<(), Box<dyn Error>>;

/// Where the sandbox remembers its messages, in the data folder.
const JOURNAL: &str = "phonehub.sandbox.jsonl";

pub(crate) async fn run(command: Sandbox, config: Config) -> Done {
    match command.command {
        None => emulate(config).await,
        Some(SandboxCommand::Say { from, to, body, at }) => {
            let at = format!("http://{}", at.unwrap_or(config.sandbox_listen));
            let answer = sandbox::say(&at, Saying { from: &from, to: &to, body: &body }).await?;
            println!("{answer:#}");
            Ok(())
        }
    }
}

async fn emulate(config: Config) -> Done {
    phonehub::base::telemetry::start_log(&config.log);
    let accounts: Vec<Account> = config.twilio.iter().map(|seed| account(seed, &config)).collect();
    for account in &accounts {
        println!(
            "Account {}, the token as configured, texts go to the server at {}",
            account.sid, config.public_url
        );
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
    let stop = phonehub::base::stop::requested();
    println!("The sandbox carrier listens at {}", running.base_url());
    stop.await;
    running.stop().await;
    Ok(())
}

/// The account that a server with the same settings calls, whose texts arrive at that server.
fn account(seed: &TwilioSeed, config: &Config) -> Account {
    let inbound = format!("{}/api/webhooks/sms/incoming", config.public_url.as_str().trim_end_matches('/'));
    Account::new(&seed.account_sid, seed.auth_token.expose_secret())
        .with_number(&seed.phone_number, Some(inbound.as_str()))
}

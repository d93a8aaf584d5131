//! The embedded default without settings: a demo organisation, a ready token, and the sandbox carrier in this process.

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
    },
    config::{Config, KeySet},
    features::{
        carrier_configs::seed::{self, SystemSeed},
        organizations::demo::{self, DemoAccount},
    },
    sandbox::{self, Account, Running, Settings},
};

/// Numbers of the demo's carrier account, from the range that is reserved for fiction.
const NUMBERS: [&str; 2] = ["+12065550150", "+12065550151"];
/// The phone that answers every text (see the sandbox's test numbers).
const ECHO: &str = "+12065550108";
/// Where the sandbox remembers its messages, in the data folder.
const JOURNAL: &str = "phonehub.sandbox.jsonl";

/// What is printed at the start of a demo.
#[derive(Debug)]
pub struct Demo {
    /// A key with every scope, good until the next start.
    pub token: SecretString,
    /// The owner's password, known at the first start only.
    pub password: Option<SecretString>,
    /// The owner's e-mail.
    pub email: String,
    /// Where the sandbox listens.
    pub sandbox: String,
}

/// Starts the sandbox with an account whose secrets follow from the installation's own keys.
pub async fn start_sandbox(config: &mut Config) -> Result<Running> {
    let (_, token_keys) = config.keys.resolve().map_err(Error::internal)?;
    let (sid, auth_token) = account_of(&token_keys);
    let inbound = format!("{}/api/webhooks/sms/incoming", config.public_url.as_str().trim_end_matches('/'));
    let account = NUMBERS
        .iter()
        .fold(Account::new(&sid, &auth_token), |account, number| account.with_number(number, Some(&inbound)));
    let settings = Settings {
        listen: config.sandbox_listen,
        accounts: vec![account],
        journal: Some(config.data_dir.join(JOURNAL)),
        ..Settings::default()
    };
    let listen = config.sandbox_listen;
    let taken = |error| Error::internal(format!("PHONEHUB_SANDBOX_LISTEN: {listen} cannot be used: {error}"));
    sandbox::start(settings).await.map_err(taken)
}

fn account_of(keys: &KeySet) -> (String, String) {
    let derive = |purpose: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, keys.first().bytes());
        hex::encode(&hmac::sign(&key, purpose.as_bytes()).as_ref()[..16])
    };
    (format!("AC{}", derive("sandbox account")), derive("sandbox token"))
}

/// Makes the demo's rows and points the system config at the sandbox. Safe at every start.
pub async fn seed(ctx: &Ctx, sandbox: Option<&Running>) -> Result<Demo> {
    let DemoAccount { user, password, token, .. } = demo::seed_demo(ctx).await?;
    let base_url = sandbox.map(|sandbox| sandbox.base_url().to_owned()).unwrap_or_default();
    let seed = SystemSeed::from_config(&ctx.hub.config).unwrap_or_else(|| {
        let (account_sid, auth_token) = account_of(&ctx.hub.token_keys);
        SystemSeed {
            account_sid,
            auth_token: auth_token.into(),
            base_url: Some(base_url.clone()),
            senders: NUMBERS.map(str::to_owned).to_vec(),
        }
    });
    seed::seed_system(ctx, &seed).await?;
    Ok(Demo { token, password, email: user.email, sandbox: base_url })
}

impl Demo {
    /// Tells a newcomer where to go and what to paste.
    pub fn print(&self, addr: SocketAddr) {
        println!("PhoneHub is running (demo: SQLite, sandbox carrier, no account, no internet).\n");
        println!("  Explorer and API   http://{addr}/   (API at /graphql)");
        println!("  Sandbox carrier    {}", self.sandbox);
        println!("  Token              {}", self.token.expose_secret());
        if let Some(password) = &self.password {
            println!("  Sign in            {} with password {}", self.email, password.expose_secret());
        }
        println!(
            "\nOpen the explorer, run the subscription in one window and send to the echo phone in another; the strip \"Live\" \
             shows everything in both:\n"
        );
        println!("  subscription {{ messageStatusChanged {{ cursor node {{ id status }} }} }}\n");
        println!(
            "  mutation {{ sendMessage(input: {{ to: {{ phoneNumber: \"{ECHO}\" }}, body: \"Hello\", idempotencyKey: \"first\" }}) {{"
        );
        println!("    message {{ id status }} userErrors {{ code message }} }} }}\n");
    }
}

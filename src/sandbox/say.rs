//! `phonehub sandbox say`: asks a running sandbox to let a phone text one of our numbers. The client side of `POST /sandbox/say`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{overrides::Overrides, webhook};

/// Longer than the sandbox itself waits for the webhook and its fallback.
const PATIENCE: Duration = Duration::from_mins(1);

/// A text that a phone sends.
#[derive(Debug, Clone)]
pub struct Saying<'a> {
    /// The phone, E.164.
    pub from: &'a str,
    /// One of our numbers.
    pub to: &'a str,
    /// The text.
    pub body: &'a str,
}

/// Lets a phone text one of our numbers, and answers what came of it: `sid`, `webhook_status`, `twiml`,
/// `replies`, `errors`. `base_url` is the sandbox's root. Fails when it cannot be reached or refuses, with a
/// sentence for the terminal.
pub async fn say(base_url: &str, saying: Saying<'_>) -> Result<Value, String> {
    let client = webhook::build(Overrides { read: PATIENCE, ..Overrides::default() })
        .map_err(|error| error.to_string())?;
    let body = json!({ "from": saying.from, "to": saying.to, "body": saying.body });
    let url = format!("{}/sandbox/say", base_url.trim_end_matches('/'));
    let answer = client.post(&url).json(&body).send().await;
    let answer = answer.map_err(|error| format!("no sandbox answers at {base_url}: {error}"))?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|error| format!("{base_url} is not a sandbox: {error}"))?;
    if status.is_success() { Ok(body) } else { Err(format!("the sandbox refused: {}", body["message"])) }
}

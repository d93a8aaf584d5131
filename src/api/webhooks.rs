//! Where carriers post: verify, store, go. Nothing here calls a carrier, and what is not signed by the config's own account
//! leaves no row: 403 with one body for every reason, counted, and logged as suspicious.

mod answer;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::post,
};
use entity::{carrier_config, enums::Provider, ids::AttemptId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::time::timeout;
use tracing::Instrument as _;

use self::{
    answer::{Outcome, Refusal},
    verify::Believed,
};
use crate::{
    base::{ctx::Hub, error::Result},
    carriers::twilio::{InboundMessage, StatusCallback},
    features::{
        carrier_configs::query,
        messages::{
            receipts::{self, Receipt, Taken},
            receive::{self, Received},
        },
    },
};

/// How long trouble is waited out; answers shall come within a second.
const PATIENCE: Duration = Duration::from_millis(600);
/// The longest wait for a database that hangs. What is stored later stays stored, but a reply in the answer is lost then, so
/// it is longer than what a busy server needs and much shorter than what a carrier waits (carriers.md: 15 s).
const LONGEST: Duration = Duration::from_secs(3);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The routes of every config, and the older ones, which belong to the system config.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/webhooks/twilio/{config}/messages", post(messages))
        .route("/webhooks/twilio/{config}/status/{attempt}", post(status))
        .route("/api/webhooks/sms/incoming", post(system_messages))
        .route("/api/sms/receive", post(system_messages))
        .route("/api/webhooks/sms/status", post(system_status))
        .route("/api/webhooks/sms/optout", post(system_opt_out))
        .with_state(hub)
}

/// Whose webhook it claims to be.
enum Claimed {
    /// The config's that the path names; malformed ids are like unknown ones.
    ById(String),
    /// The system's.
    System,
}

async fn messages(State(hub): State<Arc<Hub>>, Path(config): Path<String>, request: Request) -> Response {
    answer::count("messages", handle(hub, Claimed::ById(config), request, Kind::Message).await)
}

async fn status(
    State(hub): State<Arc<Hub>>,
    Path((config, attempt)): Path<(String, String)>,
    request: Request,
) -> Response {
    // An id that cannot be one names no attempt; the receipt is still a receipt.
    let kind = Kind::Status(attempt.parse().ok());
    answer::count("status", handle(hub, Claimed::ById(config), request, kind).await)
}

async fn system_messages(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    answer::count("messages", handle(hub, Claimed::System, request, Kind::Message).await)
}

async fn system_status(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    answer::count("status", handle(hub, Claimed::System, request, Kind::Status(None)).await)
}

async fn system_opt_out(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    answer::count("optout", handle(hub, Claimed::System, request, Kind::OptOut).await)
}

/// What the route is for.
#[derive(Clone, Copy)]
enum Kind {
    Message,
    OptOut,
    Status(Option<AttemptId>),
}

async fn handle(hub: Arc<Hub>, claimed: Claimed, request: Request, kind: Kind) -> Result<Outcome, Refusal> {
    let heard = verify::read(&hub, request).await?;
    let storing = async move {
        let config = config(&hub, &claimed).await?;
        let believed = verify::believe(&hub, config, &heard)?;
        store_soon(&hub, &believed, kind).await
    };
    // A carrier that hangs up does not undo what is being stored: a task ends by itself.
    let stored = tokio::spawn(storing.in_current_span());
    match timeout(LONGEST, stored).await {
        Ok(stored) => stored.map_err(|_| Refusal::Trouble { passing: false })?,
        Err(_elapsed) => {
            tracing::warn!("a webhook is not stored yet; its carrier is told so");
            Err(Refusal::Trouble { passing: true })
        }
    }
}

/// Carriers seldom try again (carriers.md, Timeouts, retries), so what passes by itself, such as a lost serialisation race,
/// is tried again here while the carrier still waits patiently. Every kind of webhook may be stored twice.
async fn store_soon(hub: &Arc<Hub>, believed: &Believed, kind: Kind) -> Result<Outcome, Refusal> {
    let begun = Instant::now();
    loop {
        match store(hub, believed, kind).await {
            Err(Refusal::Trouble { passing: true }) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

async fn config(hub: &Hub, claimed: &Claimed) -> Result<Option<carrier_config::Model>> {
    let db = hub.db.read();
    match claimed {
        Claimed::ById(id) => match id.parse() {
            Ok(id) => {
                Ok(carrier_config::Entity::find_by_id::<entity::ids::CarrierConfigId>(id).one(db).await?)
            }
            Err(_) => Ok(None),
        },
        Claimed::System => {
            let twilio = carrier_config::Column::Provider.eq(Provider::Twilio);
            Ok(query::of_system().filter(twilio).one(db).await?)
        }
    }
}

async fn store(hub: &Arc<Hub>, believed: &Believed, kind: Kind) -> Result<Outcome, Refusal> {
    let Believed { config, form } = believed;
    match kind {
        Kind::Message => {
            let received = receive::receive(hub, config, &InboundMessage::try_from(form)?).await?;
            Ok(twiml(received))
        }
        Kind::OptOut => {
            let received = receive::opt_out(hub, config, &InboundMessage::try_from(form)?).await?;
            Ok(twiml(received))
        }
        Kind::Status(attempt) => {
            let callback = StatusCallback::try_from(form)?;
            let receipt = Receipt { attempt, callback, raw: form.fields().clone() };
            match receipts::take(hub, config, receipt).await? {
                Taken::Applied(_) => Ok(Outcome::Stored),
                Taken::Parked => Ok(Outcome::Parked),
            }
        }
    }
}

fn twiml(received: Received) -> Outcome {
    match received {
        Received { duplicate: true, reply: None } => Outcome::Duplicate,
        Received { reply, .. } => Outcome::Message(reply),
    }
}

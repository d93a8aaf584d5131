//! The `redact_message` job: erases the carrier's copy of a message that was redacted here. It goes on for a week, since
//! carriers refuse while a message is on its way, and is then dead for people to see.

use chrono::Duration;
use entity::{ids::MessageId, message};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde::{Deserialize, Serialize};

use super::Extent;
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        jobs::{BACKGROUND, Handler, Lease, NewJob, Outcome},
        tx::Tx,
    },
    carriers::{CarrierError, ErrorKind, Messaging},
    features::{
        carrier_configs::open,
        messages::{poll, snapshot, status},
    },
};

/// Kind of the job; its subject is the message's public id.
pub const KIND: &str = "redact_message";
/// How long it is tried.
const PATIENCE: Duration = Duration::days(7);
/// Between two tries: a quarter of the time that it was tried for, within these.
const SOONEST: Duration = Duration::seconds(5);
const LATEST: Duration = Duration::hours(6);

/// The job's own data.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
struct Payload {
    /// The whole copy goes, since it names the person's number.
    whole: bool,
}

/// Plans the job, once the carrier's id is known.
pub async fn plan(ctx: &Ctx, tx: &Tx, message: &message::Model, extent: Extent<'_>) -> Result<()> {
    if message.carrier_message_id.is_none() || message.carrier_redacted_at.is_some() {
        return Ok(());
    }
    let job = NewJob {
        organization_id: message.organization_id,
        kind: KIND,
        subject: message.id.to_string(),
        payload: serde_json::to_value(Payload { whole: extent != Extent::Content })?,
        priority: BACKGROUND,
        run_at: ctx.now(),
    };
    tx.enqueue(job, ctx.now()).await
}

/// Runs `redact_message` jobs.
#[derive(Debug)]
pub struct Redact;

#[async_trait::async_trait]
impl Handler for Redact {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let id: MessageId = lease.job.subject.parse().map_err(Error::internal)?;
        let payload: Payload = serde_json::from_value(lease.job.payload.clone())?;
        let message = message::Entity::find_by_id(id).one(ctx.db()).await?;
        let message = message.filter(|message| message.carrier_redacted_at.is_none());
        let Some((message, sid)) =
            message.and_then(|row| row.carrier_message_id.clone().map(|sid| (row, sid)))
        else {
            return Ok(Outcome::Done);
        };
        let config = poll::config_of(ctx, &message).await?;
        let messaging = match &config {
            Some(config) => open::open(&ctx.hub, config)?.messaging,
            None => None,
        };
        let Some(messaging) = messaging else {
            return Ok(Outcome::Dead("the config of the carrier's copy is gone".to_owned()));
        };
        match erase(&*messaging, &sid, payload.whole).await {
            Ok(()) => confirm(ctx, lease, id).await,
            Err(error) if error.kind == ErrorKind::NotFound => confirm(ctx, lease, id).await,
            Err(error) => Ok(later(ctx, lease, &error)),
        }
    }
}

async fn erase(messaging: &dyn Messaging, sid: &str, whole: bool) -> Result<(), CarrierError> {
    messaging.delete_media(sid).await?;
    if whole { messaging.delete(sid).await } else { messaging.redact(sid).await.map(|_| ()) }
}

async fn confirm(ctx: &Ctx, lease: &Lease, id: MessageId) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    let message = status::locked(&tx, id).await?;
    lease.finish(&tx).await?;
    if let Some(message) = message {
        let mut row = message.into_active_model();
        row.carrier_redacted_at = Set(Some(ctx.now()));
        row.updated_at = Set(ctx.now());
        let message = row.update(&*tx).await?;
        tx.emit(snapshot::of_message(snapshot::UPDATED, &message)?);
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

fn later(ctx: &Ctx, lease: &Lease, error: &CarrierError) -> Outcome {
    tracing::info!(message = %lease.job.subject, %error, "the carrier's copy is not erased yet");
    let tried = ctx.now() - lease.job.created_at;
    if tried > PATIENCE {
        return Outcome::Dead(format!("the carrier did not erase its copy within a week: {error}"));
    }
    let asked = error.retry_after.and_then(|wait| Duration::from_std(wait).ok()).unwrap_or(SOONEST);
    Outcome::At(ctx.now() + (tried / 4).max(asked).clamp(SOONEST, LATEST))
}

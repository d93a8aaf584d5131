//! The `poll_message` job: asks the carrier about a message whose receipt does not come, and for the price, which no
//! receipt carries. It gives up quietly: what the carrier will not tell is not an error of ours.

mod schedule;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use entity::{carrier_config, enums::TimelineKind, ids::MessageId, message};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

pub use self::schedule::Progress;
use super::{
    status::{self, Change},
    timeline,
};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        jobs::{BACKGROUND, Handler, Lease, NewJob, Outcome},
        tx::Tx,
    },
    carriers::{CarrierError, ErrorKind, error, messaging::RemoteMessage},
    features::carrier_configs,
};

/// Kind of the job; its subject is the message's public id.
pub const KIND: &str = "poll_message";

/// Runs `poll_message` jobs.
#[derive(Debug)]
pub struct Poll;

/// Plans the next question about a message that the carrier has: its status if no receipt comes, then its price. Plans
/// nothing for a message that is final and priced, or that has no id at the carrier.
pub async fn plan(ctx: &Ctx, tx: &Tx, message: &message::Model) -> Result<()> {
    plan_all(ctx, tx, [message]).await
}

/// The same for several messages, each one named once.
pub(super) async fn plan_all(
    ctx: &Ctx,
    tx: &Tx,
    messages: impl IntoIterator<Item = &message::Model>,
) -> Result<()> {
    let first = ctx.hub.config.delivery.poll_after;
    let planned = messages.into_iter().filter_map(|message| {
        let run_at = schedule::next(message, Progress::default(), first, ctx.now())?;
        Some(job(message, run_at))
    });
    tx.enqueue_all(planned.collect::<Result<Vec<_>>>()?, ctx.now()).await
}

/// Asks at once about a message that nobody planned to ask about.
pub(super) async fn ask_now(ctx: &Ctx, tx: &Tx, message: &message::Model) -> Result<()> {
    tx.enqueue(job(message, ctx.now())?, ctx.now()).await
}

fn job(message: &message::Model, run_at: DateTime<Utc>) -> Result<NewJob> {
    Ok(NewJob {
        organization_id: message.organization_id,
        kind: KIND,
        subject: message.id.to_string(),
        payload: serde_json::to_value(Progress::default())?,
        priority: BACKGROUND,
        run_at,
    })
}

#[async_trait::async_trait]
impl Handler for Poll {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let id: MessageId = lease.job.subject.parse().map_err(Error::internal)?;
        let Some(message) = message::Entity::find_by_id(id).one(ctx.db()).await? else {
            return Ok(Outcome::Done);
        };
        let Some(sid) = message.carrier_message_id.clone().filter(|_| schedule::is_open(&message)) else {
            return Ok(Outcome::Done);
        };
        let Some(config) = config_of(ctx, &message).await? else { return Ok(Outcome::Done) };
        let Some(messaging) = carrier_configs::open::open(&ctx.hub, &config)?.messaging else {
            return Ok(Outcome::Done);
        };
        match messaging.fetch(&sid).await {
            Ok(remote) => learn(ctx, lease, id, &remote).await,
            Err(error) => stay_ignorant(ctx, lease, id, &error).await,
        }
    }
}

/// The config that the message went through, while it still names the same account.
pub(super) async fn config_of(ctx: &Ctx, message: &message::Model) -> Result<Option<carrier_config::Model>> {
    let Some(id) = message.carrier_config_id else { return Ok(None) };
    let config = carrier_config::Entity::find_by_id(id).one(ctx.db()).await?;
    Ok(config.filter(|config| config.account == message.account))
}

async fn learn(ctx: &Ctx, lease: &Lease, id: MessageId, remote: &RemoteMessage) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    // The message before the job, as receipts lock them: two that wait for each other would both fail.
    let before = status::locked(&tx, id).await?;
    // The id that was asked for may have been given to its owner meanwhile.
    let is_ours = |row: &message::Model| row.carrier_message_id.as_deref() == Some(remote.sid.as_str());
    let Some(before) = before.filter(is_ours) else {
        return finish(lease, tx).await;
    };
    lease.assert_held(&tx).await?;
    let message = status::apply(ctx, &tx, before.clone(), change(remote)).await?;
    timeline::add(&tx, &message, ctx.now(), told(&before, &message)).await?;
    go_on(ctx, lease, tx, Asked { message: &message, was_final: before.status.is_final() }).await
}

/// The carrier gave no answer; a message that it does not know (any more) is not asked for again.
async fn stay_ignorant(ctx: &Ctx, lease: &Lease, id: MessageId, error: &CarrierError) -> Result<Outcome> {
    let tx = ctx.begin().await?;
    let Some(message) = status::locked(&tx, id).await? else {
        return finish(lease, tx).await;
    };
    lease.assert_held(&tx).await?;
    if error.kind != ErrorKind::NotFound {
        tracing::info!(message = %id, %error, "the carrier could not be asked about a message");
        let asked = Asked { message: &message, was_final: message.status.is_final() };
        return go_on(ctx, lease, tx, asked).await;
    }
    let detail = json!({ "found": false, "code": error.code, "text": error.explanation() });
    timeline::add(&tx, &message, ctx.now(), [(TimelineKind::Polled, detail)]).await?;
    finish(lease, tx).await
}

/// A question that was asked.
struct Asked<'a> {
    /// As it is now.
    message: &'a message::Model,
    /// Then it was about the price alone.
    was_final: bool,
}

/// Asks again at the next step of the schedule, or never.
async fn go_on(ctx: &Ctx, lease: &Lease, tx: Tx, asked: Asked<'_>) -> Result<Outcome> {
    let before: Progress = serde_json::from_value(lease.job.payload.clone()).unwrap_or_default();
    let progress = before.after(asked.was_final);
    match schedule::next(asked.message, progress, ctx.hub.config.delivery.poll_after, ctx.now()) {
        Some(at) => lease.again(&tx, at, serde_json::to_value(progress)?).await?,
        None => lease.finish(&tx).await?,
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

async fn finish(lease: &Lease, tx: Tx) -> Result<Outcome> {
    lease.finish(&tx).await?;
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// What a fetched message tells of ours.
fn change(remote: &RemoteMessage) -> Change {
    let words = remote.error_code.and_then(error::explain).map(str::to_owned);
    let words = words.or_else(|| remote.error_message.clone());
    let failed = remote.error_code.is_some() || remote.error_message.is_some();
    Change {
        status: status::of_remote(&remote.status),
        carrier_status: Some(remote.status.as_str().to_owned()),
        error: failed.then(|| (remote.error_code, words.unwrap_or_default())),
        price: remote.price_micros.zip(remote.price_currency.clone()),
        segments: remote.num_segments.and_then(|count| i32::try_from(count).ok()),
        ..Change::default()
    }
}

/// Entries for what is new; asking without learning leaves none.
fn told(before: &message::Model, after: &message::Model) -> Vec<(TimelineKind, Value)> {
    let mut entries = Vec::new();
    if before.status != after.status || before.carrier_status != after.carrier_status {
        let detail = json!({
            "carrierStatus": after.carrier_status, "errorCode": after.error_code, "text": after.error_message,
        });
        entries.push((TimelineKind::Polled, detail));
    }
    if before.price_micros != after.price_micros {
        let detail = json!({ "micros": after.price_micros, "currency": after.price_currency });
        entries.push((TimelineKind::Priced, detail));
    }
    entries
}

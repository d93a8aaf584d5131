//! The `deliver` job: hands one message to the carrier, under the in-doubt rule of reliability.md: an attempt is on
//! record before the call, a definite refusal is retried or failed by its class, anything else is never resent blindly.

mod begin;
mod end;
mod look;

use std::time::Duration;

use entity::{
    attempt, carrier_config,
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::MessageId,
    job, media, message,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::{
    begin::{Beginning, Beginnings, Begun},
    end::{End, Ends},
    look::{Seen, look},
};
use super::{
    attempt::{Evidence, Settled, Source},
    died, pacing, reconcile, refused, timeline,
};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        jobs::{Handler, Lease, Outcome},
        tx::Tx,
    },
    carriers::{
        Messaging,
        messaging::{Outgoing, RemoteMessage, SendOutcome, Sender},
    },
    features::carrier_configs::open,
};

/// Kind of the job; its subject is the message's public id.
pub const KIND: &str = "deliver";
/// How often a paused queue looks again.
const PAUSE: chrono::Duration = chrono::Duration::seconds(5);
/// How often a suspended organisation's queue looks again.
const SUSPENSION: chrono::Duration = chrono::Duration::seconds(30);
/// Left of the lease beyond the time-out before a call is begun.
const MARGIN: Duration = Duration::from_secs(1);

/// Between two tries to put the carrier's answer on record.
const AGAIN: Duration = Duration::from_millis(200);

/// The job's own data.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Payload {
    /// A person or the policy decided to send a message in doubt again.
    pub resend: bool,
}

/// Runs `deliver` jobs.
#[derive(Debug)]
pub struct Deliver;

#[async_trait::async_trait]
impl Handler for Deliver {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let id: MessageId = lease.job.subject.parse().map_err(Error::internal)?;
        let payload: Payload = serde_json::from_value(lease.job.payload.clone())?;
        let Some(Seen { message, config, is_paused, is_suspended }) = look(&ctx.hub, id).await? else {
            return Ok(Outcome::Done);
        };
        if !may_be_sent(&message, &payload) {
            return Ok(Outcome::Done);
        }
        if is_paused {
            return Ok(Outcome::At(ctx.now() + PAUSE));
        }
        if is_suspended {
            return Ok(Outcome::At(ctx.now() + SUSPENSION));
        }
        if left_over(ctx, lease, &message, &payload).await? {
            return Ok(Outcome::Settled);
        }
        let Some(config) = config else {
            return refused::give_up(
                ctx,
                lease,
                id,
                "The carrier config was deleted before the message was sent.",
            )
            .await;
        };
        if refused::is_expired(ctx, &message) {
            return refused::give_up(ctx, lease, id, "The message was not handed over within its validity.")
                .await;
        }
        if !pacing::has_turn(ctx, lease, &config, &message.sender).await? {
            return Ok(Outcome::Settled);
        }
        Box::pin(hand_over(ctx, lease, &config, &payload, id)).await
    }

    async fn died(&self, ctx: &Ctx, tx: &Tx, lease: &Lease, _reason: &str) -> Result<serde_json::Value> {
        died::hand_over(ctx, tx, lease).await
    }
}

/// Whether a living job will hand the message over.
pub(super) async fn is_planned(tx: &Tx, id: MessageId) -> Result<bool> {
    let job = job::Entity::find()
        .filter(job::Column::Kind.eq(KIND))
        .filter(job::Column::Subject.eq(id.to_string()))
        .filter(job::Column::DeadAt.is_null());
    Ok(job.one(&**tx).await?.is_some())
}

/// Deletes the job of a message that is not to be handed over any more, dead or alive.
pub(super) async fn withdraw(tx: &Tx, id: MessageId) -> Result<()> {
    job::Entity::delete_many()
        .filter(job::Column::Kind.eq(KIND))
        .filter(job::Column::Subject.eq(id.to_string()))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Never once the carrier is known to have it, whatever was decided while nobody knew, and never without its text.
pub(super) fn may_be_sent(message: &message::Model, payload: &Payload) -> bool {
    message.carrier_message_id.is_none()
        && message.redacted_at.is_none()
        && (super::attempt::is_open(message.status)
            || (payload.resend && message.status == MessageStatus::Unknown))
}

/// An attempt that a crashed or frozen worker left open is in doubt; one already in doubt belongs to `reconcile`.
async fn left_over(ctx: &Ctx, lease: &Lease, message: &message::Model, payload: &Payload) -> Result<bool> {
    if message.attempts == 0 {
        return Ok(false);
    }
    let Some(attempt) = super::attempt::last(ctx.db(), message.id).await? else { return Ok(false) };
    match attempt.state {
        AttemptState::Started => {
            let tx = ctx.begin().await?;
            put_in_doubt(ctx, &tx, attempt, "the worker stopped before the carrier's answer was stored")
                .await?;
            lease.finish(&tx).await?;
            tx.commit().await?;
            Ok(true)
        }
        AttemptState::InDoubt | AttemptState::Accepted if !payload.resend => {
            let tx = ctx.begin().await?;
            lease.finish(&tx).await?;
            tx.commit().await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

async fn hand_over(
    ctx: &Ctx,
    lease: &Lease,
    config: &carrier_config::Model,
    payload: &Payload,
    id: MessageId,
) -> Result<Outcome> {
    let carrier = open::open(&ctx.hub, config)?;
    let Some(messaging) = carrier.messaging else {
        return refused::give_up(ctx, lease, id, "This carrier cannot send messages.").await;
    };
    let beginning = Beginning {
        ctx: ctx.clone(),
        lease: lease.clone(),
        payload: payload.clone(),
        message: id,
        config: config.id,
    };
    let Some(Begun { message, attempt }) = ctx.hub.parts.of::<Beginnings>().join(beginning).await?? else {
        return Ok(Outcome::Settled);
    };
    let Ok(outgoing) = outgoing(ctx, config, &message, &attempt).await else {
        return refused::not_called(ctx, lease, attempt).await;
    };
    if lease.left() < ctx.hub.config.delivery.carrier_timeout + MARGIN {
        // Frozen since the claim: another worker may own the message by the time the carrier answers.
        return refused::not_called(ctx, lease, attempt).await;
    }
    match call(&*messaging, &outgoing).await {
        SendOutcome::Accepted(remote) => {
            let evidence = answered(&remote);
            taken(ctx, lease, attempt, evidence).await?;
        }
        SendOutcome::Refused(error) => {
            let tx = ctx.begin().await?;
            refused::refused(ctx, &tx, lease, attempt, &error).await?;
            tx.commit().await?;
        }
        SendOutcome::InDoubt(error) => {
            let tx = ctx.begin().await?;
            put_in_doubt(ctx, &tx, attempt, &error.text).await?;
            lease.finish(&tx).await?;
            tx.commit().await?;
        }
    }
    Ok(Outcome::Settled)
}

/// Puts on record that the carrier has it. A database that is busy is asked again while the lease lasts: an answer that is
/// thrown away has to be found again in the carrier's lists.
async fn taken(ctx: &Ctx, lease: &Lease, attempt: attempt::Model, evidence: Evidence) -> Result<()> {
    loop {
        let (attempt, evidence) = (attempt.clone(), evidence.clone());
        let end = End { ctx: ctx.clone(), lease: lease.clone(), attempt, evidence };
        match ctx.hub.parts.of::<Ends>().join(end).await {
            Err(error) if error.code == ErrorCode::Unavailable && lease.left() > MARGIN => {
                tracing::warn!(%error, "an answer of the carrier is not on record yet; trying again");
                tokio::time::sleep(AGAIN).await;
            }
            settled => return settled,
        }
    }
}

async fn call(messaging: &dyn Messaging, outgoing: &Outgoing) -> SendOutcome {
    messaging.send(outgoing).await
}

/// The request, with the attempt's id in the callback's address: the signature covers it.
async fn outgoing(
    ctx: &Ctx,
    config: &carrier_config::Model,
    message: &message::Model,
    attempt: &attempt::Model,
) -> Result<Outgoing> {
    let media_urls = if message.media_count == 0 { Vec::new() } else { media_urls(ctx, message.id).await? };
    let base = ctx.hub.config.public_url.as_str().trim_end_matches('/');
    Ok(Outgoing {
        to: message.recipient.clone(),
        sender: sender_of(config, &message.sender),
        body: (!message.body.is_empty()).then(|| message.body.clone()),
        media_urls,
        status_callback: format!("{base}/webhooks/twilio/{}/status/{}", config.id, attempt.id),
        validity_seconds: message.validity_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
        smart_encoded: false,
    })
}

/// A messaging service where the sender is the config's own, else the address.
pub fn sender_of(config: &carrier_config::Model, sender: &str) -> Sender {
    match &config.messaging_service {
        Some(service) if service == sender => Sender::Service(service.clone()),
        _ => Sender::From(sender.to_owned()),
    }
}

async fn media_urls(ctx: &Ctx, message: MessageId) -> Result<Vec<String>> {
    let rows = media::Entity::find()
        .filter(media::Column::MessageId.eq(message))
        .order_by_asc(media::Column::Position)
        .all(ctx.db())
        .await?;
    Ok(rows.into_iter().map(|row| row.url).collect())
}

fn answered(remote: &RemoteMessage) -> Evidence {
    Evidence {
        carrier_message_id: remote.sid.clone(),
        status: remote.status.clone(),
        error: remote.error_code.map(|code| (Some(code), remote.error_message.clone().unwrap_or_default())),
        segments: remote.num_segments,
        source: Source::Answer,
    }
}

/// Nobody knows whether the carrier has it: evidence is looked for, nothing is resent. A callback may have been faster than
/// the doubt; then there is none.
pub(super) async fn put_in_doubt(ctx: &Ctx, tx: &Tx, attempt: attempt::Model, why: &str) -> Result<()> {
    let Some(attempt) = super::attempt::under_lock(tx, &attempt, AttemptState::Started).await? else {
        return Ok(());
    };
    let settled = Settled::Because(None, why.to_owned());
    let attempt = super::attempt::settle(ctx, tx, attempt, AttemptState::InDoubt, settled).await?;
    let of = timeline::Of { organization_id: attempt.organization_id, message_id: attempt.message_id };
    let detail = json!({ "attempt": attempt.id, "why": why });
    timeline::add(tx, of, ctx.now(), [(TimelineKind::InDoubt, detail)]).await?;
    metrics::counter!("phonehub_attempts_in_doubt_total").increment(1);
    reconcile::plan(ctx, tx, &attempt).await
}

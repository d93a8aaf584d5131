//! `sendMessage`: accepted, durable and queued in one transaction; the client is answered before the carrier is called.

mod content;
mod intake;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Duration, Utc};
use entity::{
    Tenanted,
    enums::Encoding,
    ids::{CarrierConfigId, MessageId, OrganizationId},
    message,
};
use sea_orm::{ColumnTrait, QueryFilter};
use serde::Serialize;

use self::{
    content::check_content,
    intake::{Accepted, Intake},
};
use super::recipient::{self, Recipient};
use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        idempotency::Call,
        jobs::CHOSEN,
        phone::PhoneNumber,
        segments::{self, Segments},
    },
    features::{
        carrier_configs::resolve::{self, Route},
        contacts::opt_outs,
    },
};

/// How far ahead a message can be scheduled.
const FURTHEST: Duration = Duration::days(366);
/// How far behind: a clock that runs slow and a call that is repeated are understood, another century is a mistake.
const LATEST: Duration = Duration::days(1);
/// Seconds that Twilio takes as `ValidityPeriod`.
const VALIDITY: std::ops::RangeInclusive<i32> = 1..=36_000;

/// What the client asks for.
#[derive(Clone, Debug, Serialize)]
pub struct SendMessage {
    /// To whom.
    pub to: Recipient,
    /// Repeating a call under the same key sends nothing twice.
    #[serde(skip)]
    pub idempotency_key: String,
    /// The text.
    pub body: Option<String>,
    /// Files that the carrier fetches.
    pub media_urls: Vec<String>,
    /// The sender; the config's default one without it.
    pub from: Option<String>,
    /// The config; the organisation's own or the system's without it.
    pub carrier_config_id: Option<CarrierConfigId>,
    /// Not handed over before.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Not handed over, and dropped by the carrier, when older than that.
    pub validity_seconds: Option<i32>,
    /// Lower goes first.
    pub priority: Option<i32>,
}

/// A message that passed every check, ready to be written.
#[derive(Debug)]
struct Checked {
    organization_id: OrganizationId,
    to: PhoneNumber,
    body: String,
    media_urls: Vec<String>,
    route: Route,
    segments: Segments,
    input: SendMessage,
}

/// Accepts a message. A repeated idempotency key answers the message that the first call made, as it is now.
pub async fn send(ctx: &Ctx, input: SendMessage) -> Result<message::Model> {
    let organization_id = ctx.require(Permission::MessagesSend)?;
    let to = recipient::normalised(ctx, organization_id, input.to).await?;
    let input = SendMessage { to, ..input };
    let call = Call::new(organization_id, "sendMessage", &input.idempotency_key, &input)?;
    let checked = match check(ctx, organization_id, input).await {
        Ok(checked) => checked,
        // What the first call made stands, even if it would be refused by now.
        Err(refused) => return replay(ctx, &call.made(ctx.db()).await?.ok_or(refused)?).await,
    };
    let new = Accepted { id: MessageId::new(), ctx: ctx.clone(), call: call.clone(), checked };
    match ctx.hub.parts.of::<Intake>().join(new).await? {
        Some(message) => Ok(message),
        None => replay(ctx, &call.made(ctx.db()).await?.ok_or_else(running)?).await,
    }
}

fn running() -> Error {
    let text = "A call with this idempotency key is still running. Try again.";
    Error::new(ErrorCode::IdempotencyConcurrentRequest, text).at(&["idempotencyKey"])
}

async fn replay(ctx: &Ctx, made: &str) -> Result<message::Model> {
    let id: MessageId = made.parse().map_err(Error::internal)?;
    let message =
        message::Entity::in_org(ctx.organization()?).filter(message::Column::Id.eq(id)).one(ctx.db()).await?;
    message.ok_or_else(|| Error::new(ErrorCode::NotFound, "The message of this idempotency key was erased."))
}

/// Every rule that can refuse a message before it exists.
async fn check(ctx: &Ctx, organization_id: OrganizationId, input: SendMessage) -> Result<Checked> {
    let body = input.body.clone().unwrap_or_default();
    check_content(&body, &input)?;
    check_times(ctx.now(), &input)?;
    let to = recipient::number_of(ctx, organization_id, &input.to).await?;
    let route =
        resolve::resolve(&ctx.hub, organization_id, input.carrier_config_id, input.from.as_deref()).await?;
    let (account, sender) = (&route.config.account, &route.sender.address);
    if opt_outs::refuses_any(&ctx.hub, to.as_str()).await?
        && opt_outs::blocked(ctx.db(), organization_id, account, sender, to.as_str()).await?.is_some()
    {
        return Err(Error::new(ErrorCode::OptedOut, "The recipient has opted out.").at(&["to"]));
    }
    let segments = Segments::count(&body);
    Ok(Checked { organization_id, to, body, media_urls: input.media_urls.clone(), route, segments, input })
}

fn check_times(now: DateTime<Utc>, input: &SendMessage) -> Result<()> {
    if input.scheduled_at.is_some_and(|at| at > now + FURTHEST) {
        return Err(Error::input(&["scheduledAt"], "A message can be scheduled a year ahead at most."));
    }
    if input.scheduled_at.is_some_and(|at| at < now - LATEST) {
        return Err(Error::input(&["scheduledAt"], "This time is more than a day ago."));
    }
    if input.validity_seconds.is_some_and(|seconds| !VALIDITY.contains(&seconds)) {
        return Err(Error::input(&["validitySeconds"], "Give 1 to 36,000 seconds."));
    }
    if input.priority.is_some_and(|priority| !CHOSEN.contains(&priority)) {
        return Err(Error::input(&["priority"], "Give 0 (first) to 100 (last)."));
    }
    Ok(())
}

/// The column's word for an encoding.
pub fn encoding_of(segments: &Segments) -> Encoding {
    match segments.encoding {
        segments::Encoding::Gsm7 => Encoding::Gsm7,
        segments::Encoding::Ucs2 => Encoding::Ucs2,
    }
}

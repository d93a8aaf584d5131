//! `sendMessage`: accepted, durable and queued in one transaction; the client is answered before the carrier is called.

use chrono::{DateTime, Duration, Utc};
use entity::{
    Tenanted,
    enums::{Direction, Encoding, MessageStatus, TimelineKind},
    ids::{CarrierConfigId, MediaId, MessageId, OrganizationId},
    media, message, organization,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::{
    conversation::{self, Touch},
    deliver,
    recipient::{self, Recipient},
    snapshot, timeline,
};
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result},
        idempotency::Call,
        jobs::{NewJob, ONE_OFF},
        phone::{PhoneNumber, Region},
        segments::{self, Segments},
        tx::Tx,
    },
    features::{
        carrier_configs::resolve::{self, Route},
        contacts::opt_outs,
    },
};

/// Characters that the carrier takes (carriers.md §1, code 21617).
const LONGEST_BODY: usize = 1600;
/// Media files that the carrier takes (code 21623).
const MOST_MEDIA: usize = 10;
/// How far ahead a message can be scheduled.
const FURTHEST: Duration = Duration::days(366);
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
    let call = Call::new(organization_id, "sendMessage", &input.idempotency_key, &input)?;
    if let Some(made) = call.made(ctx.db()).await? {
        return replay(ctx, &made).await;
    }
    let checked = check(ctx, organization_id, input).await?;
    let tx = ctx.begin().await?;
    let id = MessageId::new();
    if !call.claim(ctx, &tx, id.to_string()).await? {
        drop(tx);
        let made = call.made(ctx.db()).await?.ok_or_else(running)?;
        return replay(ctx, &made).await;
    }
    let message = write(ctx, &tx, id, checked).await?;
    tx.commit().await?;
    Ok(message)
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
    let organization = organization::Entity::find_by_id(organization_id)
        .one(ctx.db())
        .await?
        .ok_or_else(Error::unauthenticated)?;
    let region: Region = organization.default_region.parse().map_err(Error::internal)?;
    let to = recipient::number_of(ctx, &input.to, region).await?;
    let route =
        resolve::resolve(ctx.db(), organization_id, input.carrier_config_id, input.from.as_deref()).await?;
    if opt_outs::blocked(ctx.db(), organization_id, &route.config.account, &route.sender.address, to.as_str())
        .await?
        .is_some()
    {
        return Err(Error::new(ErrorCode::OptedOut, "The recipient has opted out.").at(&["to"]));
    }
    let segments = Segments::count(&body);
    Ok(Checked { organization_id, to, body, media_urls: input.media_urls.clone(), route, segments, input })
}

fn check_content(body: &str, input: &SendMessage) -> Result<()> {
    if body.trim().is_empty() && input.media_urls.is_empty() {
        return Err(Error::new(ErrorCode::EmptyMessage, "Give a text or media.").at(&["body"]));
    }
    if body.chars().count() > LONGEST_BODY {
        return Err(
            Error::new(ErrorCode::MessageTooLong, "A text has at most 1,600 characters.").at(&["body"])
        );
    }
    if input.media_urls.len() > MOST_MEDIA {
        return Err(
            Error::new(ErrorCode::TooManyMedia, "A message has at most 10 media files.").at(&["mediaUrls"])
        );
    }
    let fetchable =
        |text: &String| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !input.media_urls.iter().all(fetchable) {
        return Err(Error::input(&["mediaUrls"], "Media need absolute http or https addresses."));
    }
    Ok(())
}

fn check_times(now: DateTime<Utc>, input: &SendMessage) -> Result<()> {
    if input.scheduled_at.is_some_and(|at| at > now + FURTHEST) {
        return Err(Error::input(&["scheduledAt"], "A message can be scheduled a year ahead at most."));
    }
    if input.validity_seconds.is_some_and(|seconds| !VALIDITY.contains(&seconds)) {
        return Err(Error::input(&["validitySeconds"], "Give 1 to 36,000 seconds."));
    }
    if input.priority.is_some_and(|priority| !(0..=100).contains(&priority)) {
        return Err(Error::input(&["priority"], "Give 0 (first) to 100 (last)."));
    }
    Ok(())
}

/// Message, conversation, media, timeline, job, events and audit entry: all or nothing.
async fn write(ctx: &Ctx, tx: &Tx, id: MessageId, checked: Checked) -> Result<message::Model> {
    let now = ctx.now();
    let conversation = conversation::touch(
        tx,
        Touch {
            organization_id: checked.organization_id,
            number_id: checked.route.sender.number.as_ref().map(|number| number.id),
            sender: &checked.route.sender.address,
            contact_number: checked.to.as_str(),
            message_id: id,
            direction: Direction::Outbound,
            at: now,
        },
    )
    .await?;
    let due = checked.input.scheduled_at.filter(|at| *at > now);
    let row = row(ctx, id, &checked, conversation.id, due.is_some());
    let message = row.insert(&**tx).await?;
    write_media(tx, &message, &checked.media_urls).await?;
    timeline::add(tx, &message, now, decisions(&checked)).await?;
    let job = NewJob {
        organization_id: message.organization_id,
        kind: deliver::KIND,
        subject: id.to_string(),
        payload: json!({}),
        priority: message.priority,
        run_at: due.unwrap_or(now),
    };
    tx.enqueue(job, now).await?;
    tx.emit(snapshot::of_message(snapshot::STATUS_CHANGED, &message)?);
    let detail = json!({ "to": checked.to.masked(), "body": audit::shown(&message.body) });
    audit::record(ctx, &**tx, "sendMessage", Some(id.to_string()), detail).await?;
    Ok(message)
}

fn decisions(checked: &Checked) -> [(TimelineKind, serde_json::Value); 3] {
    let route = &checked.route;
    [
        (TimelineKind::Accepted, json!({ "segments": checked.segments.segments })),
        (
            TimelineKind::Routed,
            json!({ "config": route.config.id, "sender": route.sender.address, "why": route.why }),
        ),
        (TimelineKind::ConsentChecked, json!({ "optedOut": false })),
    ]
}

fn row(
    ctx: &Ctx,
    id: MessageId,
    checked: &Checked,
    conversation_id: entity::ids::ConversationId,
    scheduled: bool,
) -> message::ActiveModel {
    let now = ctx.now();
    let status = if scheduled { MessageStatus::Scheduled } else { MessageStatus::Queued };
    let config = &checked.route.config;
    message::ActiveModel {
        id: Set(id),
        organization_id: Set(checked.organization_id),
        conversation_id: Set(conversation_id),
        number_id: Set(checked.route.sender.number.as_ref().map(|number| number.id)),
        carrier_config_id: Set(Some(config.id)),
        account: Set(config.account.clone()),
        direction: Set(Direction::Outbound),
        sender: Set(checked.route.sender.address.clone()),
        recipient: Set(checked.to.to_string()),
        body: Set(checked.body.clone()),
        media_count: Set(i32::try_from(checked.media_urls.len()).unwrap_or(i32::MAX)),
        segments: Set(i32::try_from(checked.segments.segments).unwrap_or(i32::MAX)),
        encoding: Set(encoding_of(&checked.segments)),
        country: Set(checked.to.country().map(|country| country.to_string())),
        status: Set(status),
        status_rank: Set(status.rank()),
        carrier_status: Set(None),
        carrier_message_id: Set(None),
        error_code: Set(None),
        error_message: Set(None),
        is_test: Set(config.is_test),
        user_id: Set(ctx.caller.user_id()),
        api_key_id: Set(ctx.caller.api_key_id()),
        priority: Set(checked.input.priority.unwrap_or(ONE_OFF)),
        scheduled_at: Set(checked.input.scheduled_at),
        validity_seconds: Set(checked.input.validity_seconds),
        price_micros: Set(None),
        price_currency: Set(None),
        attempts: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        sent_at: Set(None),
        delivered_at: Set(None),
        failed_at: Set(None),
    }
}

/// The column's word for an encoding.
pub fn encoding_of(segments: &Segments) -> Encoding {
    match segments.encoding {
        segments::Encoding::Gsm7 => Encoding::Gsm7,
        segments::Encoding::Ucs2 => Encoding::Ucs2,
    }
}

async fn write_media(tx: &Tx, message: &message::Model, urls: &[String]) -> Result<()> {
    if urls.is_empty() {
        return Ok(());
    }
    let rows = (0_i32..).zip(urls).map(|(position, url)| media::ActiveModel {
        id: Set(MediaId::new()),
        organization_id: Set(message.organization_id),
        message_id: Set(message.id),
        position: Set(position),
        url: Set(url.clone()),
        content_type: Set(None),
    });
    media::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

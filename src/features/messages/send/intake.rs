//! Accepted messages on their way into the database. Those that come at the same time share a transaction; each keeps its
//! own answer, and one that cannot be written fails alone.

use chrono::{DateTime, SubsecRound, Utc};
use entity::{
    enums::{Direction, MessageStatus, TimelineKind},
    ids::{ConversationId, MediaId, MessageId},
    media, message,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::json;

use super::{Checked, encoding_of};
use crate::{
    base::{
        audit,
        ctx::Ctx,
        error::Result,
        group::{Group, Grouped},
        idempotency::{self, Call},
        jobs::{NewJob, ONE_OFF},
    },
    features::messages::{
        conversation::{self, Touch},
        deliver, snapshot,
        timeline::{self, Entry},
    },
};

/// Where accepted messages meet.
pub(super) type Intake = Group<Accepted>;

/// An accepted message with whose it is.
#[derive(Debug)]
pub(super) struct Accepted {
    pub id: MessageId,
    pub ctx: Ctx,
    pub call: Call,
    pub checked: Checked,
}

impl Grouped for Accepted {
    /// `None` when another call of the same idempotency key was first.
    type Answer = Option<message::Model>;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        write(group).await
    }
}

/// Messages, conversations, media, timelines, jobs, events and audit entries: all or nothing.
async fn write(group: &[&Accepted]) -> Result<Vec<Option<message::Model>>> {
    let Some(ctx) = group.first().map(|first| &first.ctx) else { return Ok(Vec::new()) };
    let tx = ctx.begin().await?;
    let now = ctx.now();
    let calls = group.iter().map(|new| (&new.call, new.id.to_string()));
    let claimed = idempotency::claim_all(&tx, calls, now).await?;
    let is_first = |new: &&Accepted| claimed.contains(&new.id.to_string());
    let first: Vec<&Accepted> = group.iter().copied().filter(is_first).collect();
    let touches = first.iter().map(|new| new.touch(now)).collect();
    let conversations = conversation::touch_all(&tx, touches).await?.into_iter().map(|row| row.id);
    let messages: Vec<_> = first.iter().zip(conversations).map(|(new, id)| new.row(id, now)).collect();
    let rows = messages.iter().map(|message| message.clone().into_active_model().reset_all());
    message::Entity::insert_many(rows).exec_without_returning(&*tx).await?;
    let media = first.iter().flat_map(|new| new.media());
    media::Entity::insert_many(media).exec_without_returning(&*tx).await?;
    let decisions = first.iter().zip(&messages).flat_map(|(new, message)| new.decisions(message));
    timeline::add_all(&tx, decisions).await?;
    tx.enqueue_all(messages.iter().map(delivery), now).await?;
    for message in &messages {
        tx.emit(snapshot::of_message(snapshot::STATUS_CHANGED, message)?);
    }
    audit::record_all(&*tx, first.iter().map(|new| (&new.ctx, new.act()))).await?;
    tx.commit().await?;
    let mut written = messages.into_iter().peekable();
    Ok(group.iter().map(|new| written.next_if(|message| message.id == new.id)).collect())
}

/// The job that hands it over once it is due.
fn delivery(message: &message::Model) -> NewJob {
    NewJob {
        organization_id: message.organization_id,
        kind: deliver::KIND,
        subject: message.id.to_string(),
        payload: json!({}),
        priority: message.priority,
        run_at: message.scheduled_at.unwrap_or(message.created_at).max(message.created_at),
    }
}

impl Accepted {
    fn touch(&self, now: DateTime<Utc>) -> Touch<'_> {
        let checked = &self.checked;
        Touch {
            organization_id: checked.organization_id,
            number_id: checked.route.sender.number.as_ref().map(|number| number.id),
            sender: &checked.route.sender.address,
            contact_number: checked.to.as_str(),
            message_id: self.id,
            direction: Direction::Outbound,
            at: now,
        }
    }

    fn media(&self) -> impl Iterator<Item = media::ActiveModel> {
        (0_i32..).zip(&self.checked.media_urls).map(|(position, url)| media::ActiveModel {
            id: Set(MediaId::new()),
            organization_id: Set(self.checked.organization_id),
            message_id: Set(self.id),
            position: Set(position),
            url: Set(url.clone()),
            content_type: Set(None),
        })
    }

    fn decisions(&self, message: &message::Model) -> [Entry; 3] {
        let route = &self.checked.route;
        let (of, at) = (message.into(), message.created_at);
        let segments = json!({ "segments": self.checked.segments.segments });
        let way = json!({ "config": route.config.id, "sender": route.sender.address, "why": route.why });
        [
            (TimelineKind::Accepted, segments),
            (TimelineKind::Routed, way),
            (TimelineKind::ConsentChecked, json!({ "optedOut": false })),
        ]
        .map(|(kind, detail)| Entry { of, at, kind, detail })
    }

    fn act(&self) -> audit::Entry<'static> {
        let detail = json!({ "to": self.checked.to.masked(), "segments": self.checked.segments.segments });
        audit::Entry { action: "sendMessage", subject: Some(self.id.to_string()), detail }
    }

    fn row(&self, conversation_id: ConversationId, now: DateTime<Utc>) -> message::Model {
        let Checked { organization_id, to, body, media_urls, route, segments, input } = &self.checked;
        let scheduled = input.scheduled_at.is_some_and(|at| at > now);
        let status = if scheduled { MessageStatus::Scheduled } else { MessageStatus::Queued };
        message::Model {
            id: self.id,
            organization_id: *organization_id,
            conversation_id,
            number_id: route.sender.number.as_ref().map(|number| number.id),
            carrier_config_id: Some(route.config.id),
            account: route.config.account.clone(),
            direction: Direction::Outbound,
            sender: route.sender.address.clone(),
            recipient: to.to_string(),
            body: body.clone(),
            media_count: i32::try_from(media_urls.len()).unwrap_or(i32::MAX),
            segments: i32::try_from(segments.segments).unwrap_or(i32::MAX),
            encoding: encoding_of(segments),
            country: to.country().map(|country| country.to_string()),
            status,
            status_rank: status.rank(),
            carrier_status: None,
            carrier_message_id: None,
            error_code: None,
            error_message: None,
            is_test: route.config.is_test,
            user_id: self.ctx.caller.user_id(),
            api_key_id: self.ctx.caller.api_key_id(),
            priority: input.priority.unwrap_or(ONE_OFF),
            scheduled_at: input.scheduled_at.map(|at| at.trunc_subsecs(6)),
            validity_seconds: input.validity_seconds,
            price_micros: None,
            price_currency: None,
            attempts: 0,
            created_at: now,
            updated_at: now,
            sent_at: None,
            delivered_at: None,
            failed_at: None,
            redacted_at: None,
            carrier_redacted_at: None,
        }
    }
}

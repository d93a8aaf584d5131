//! Our answers to inbound messages: they go out in the webhook's own answer, so the carrier gives them no id and sends no
//! receipts; they are part of the conversation like any other message.

use entity::{
    enums::{Direction, MessageStatus, TimelineKind},
    ids::MessageId,
    message,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use super::Arrival;
use crate::{
    base::{error::Result, segments::Segments, tx::Tx},
    features::messages::{
        conversation::{self, Touch},
        send::encoding_of,
        snapshot, timeline,
    },
};

/// Records the answer to `question` as sent.
pub(super) async fn record(
    arrival: &Arrival<'_>,
    tx: &Tx,
    question: &message::Model,
    text: &str,
) -> Result<()> {
    let now = arrival.ctx.now();
    let id = MessageId::new();
    let touch = Touch {
        organization_id: question.organization_id,
        number_id: question.number_id,
        sender: &arrival.route.sender,
        contact_number: &question.sender,
        message_id: id,
        direction: Direction::Outbound,
        at: now,
    };
    let conversation = conversation::touch(tx, touch).await?;
    let row = message::Model { id, conversation_id: conversation.id, ..answer_to(question, text, now) };
    message::Entity::insert(row.clone().into_active_model().reset_all())
        .exec_without_returning(&**tx)
        .await?;
    let why = json!({ "config": arrival.config.id, "why": "KEYWORD_REPLY", "answers": question.id });
    timeline::add(tx, &row, now, [(TimelineKind::Routed, why)]).await?;
    tx.emit(snapshot::of_message(snapshot::STATUS_CHANGED, &row)?);
    Ok(())
}

fn answer_to(question: &message::Model, text: &str, now: chrono::DateTime<chrono::Utc>) -> message::Model {
    let counted = Segments::count(text);
    message::Model {
        direction: Direction::Outbound,
        sender: question.recipient.clone(),
        recipient: question.sender.clone(),
        body: text.to_owned(),
        media_count: 0,
        segments: i32::try_from(counted.segments).unwrap_or(i32::MAX),
        encoding: encoding_of(&counted),
        status: MessageStatus::Sent,
        status_rank: MessageStatus::Sent.rank(),
        carrier_status: Some("twiml".to_owned()),
        carrier_message_id: None,
        created_at: now,
        updated_at: now,
        sent_at: Some(now),
        ..question.clone()
    }
}

//! The rows of an inbound message. Pure but for the inserts.

use chrono::{DateTime, Utc};
use entity::{
    carrier_config,
    enums::{Direction, MessageStatus},
    ids::{ConversationId, MediaId, MessageId, NumberId},
    media, message, tombstone,
};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set, sea_query::OnConflict};

use super::route::Route;
use crate::{
    base::{
        error::Result,
        jobs::ONE_OFF,
        phone::{PhoneNumber, Region},
        segments::Segments,
        tx::Tx,
    },
    carriers::twilio::{InboundMedia, InboundMessage},
    features::messages::send::encoding_of,
};

/// What a new message belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub number_id: Option<NumberId>,
}

/// The row of an inbound message: the carrier's count of segments and country before our own reckoning.
pub(super) fn inbound(
    now: DateTime<Utc>,
    config: &carrier_config::Model,
    inbound: &InboundMessage,
    route: &Route,
    place: Place,
) -> message::Model {
    let body = storable(&inbound.body);
    let counted = Segments::count(&body);
    let by_plan = inbound.from.number().and_then(PhoneNumber::country).map(|country| country.to_string());
    message::Model {
        id: place.id,
        organization_id: route.organization_id,
        conversation_id: place.conversation_id,
        number_id: place.number_id,
        carrier_config_id: Some(config.id),
        account: config.account.clone(),
        direction: Direction::Inbound,
        sender: inbound.from.as_str().to_owned(),
        recipient: inbound.to.as_str().to_owned(),
        media_count: small(inbound.media.len()),
        segments: small(inbound.num_segments.unwrap_or(counted.segments)),
        encoding: encoding_of(&counted),
        country: by_plan
            .or_else(|| inbound.from_place.country.clone().filter(|told| told.parse::<Region>().is_ok())),
        status: MessageStatus::Received,
        status_rank: MessageStatus::Received.rank(),
        carrier_status: Some("received".to_owned()),
        carrier_message_id: Some(inbound.message_sid.clone()),
        error_code: None,
        error_message: None,
        is_test: config.is_test,
        user_id: None,
        api_key_id: None,
        priority: ONE_OFF,
        scheduled_at: None,
        validity_seconds: None,
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
        body,
    }
}

/// Inserts the row unless the account's message is known, or was and is deleted; false then, and the transaction must not
/// be committed.
pub(super) async fn insert_once(tx: &Tx, row: message::Model) -> Result<bool> {
    let mark = (row.account.clone(), row.carrier_message_id.clone().unwrap_or_default());
    let row = row.into_active_model().reset_all();
    let first_wins = OnConflict::new().do_nothing().to_owned();
    let inserted = message::Entity::insert(row).on_conflict(first_wins).exec_without_returning(&**tx).await?;
    // After the insert, which waited for whoever may have been deleting the first one.
    Ok(inserted == 1 && tombstone::Entity::find_by_id(mark).one(&**tx).await?.is_none())
}

/// Where the carrier keeps the files.
pub(super) async fn insert_media(tx: &Tx, message: &message::Model, files: &[InboundMedia]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let rows = (0_i32..).zip(files).map(|(position, file)| media::ActiveModel {
        id: Set(MediaId::new()),
        organization_id: Set(message.organization_id),
        message_id: Set(message.id),
        position: Set(position),
        url: Set(file.url.clone()),
        content_type: Set(file.content_type.clone()),
    });
    media::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

/// PostgreSQL's text cannot hold NUL, and a message is not lost for one.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

fn small(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

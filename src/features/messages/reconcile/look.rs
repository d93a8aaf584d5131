//! A look into the carrier's list for a message in doubt: what counts as the same message, and when its absence is sure.
//! Reads only; what follows from it is decided next door.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use entity::{attempt, carrier_config, enums::AttemptState, ids::MessageId, message, tombstone};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        segments::smart_encode,
    },
    carriers::messaging::{Direction, FindQuery, RemoteMessage},
    features::{carrier_configs::open, messages::deliver},
};

/// How far the carrier's clock may be behind ours.
const SKEW: Duration = Duration::minutes(5);
/// Pages of the carrier's list that are read.
const MAX_PAGES: u32 = 20;

/// What the list says.
pub(super) enum Look {
    Found(Box<RemoteMessage>),
    /// The whole list since the attempt does not hold it.
    Absent,
    /// The list was longer than what was read, or holds what may be another message of ours.
    Unclear,
}

/// How much a listed message is like ours.
#[derive(PartialEq, Eq)]
enum Likeness {
    Same,
    /// The carrier has not counted its files yet.
    Perhaps,
    Other,
}

/// Asks the carrier: same ends, same text (also after smart encoding), as many files, an id that no other message of ours
/// has. Not by the time of sending: a queued message has none.
pub(super) async fn look(
    ctx: &Ctx,
    config: &carrier_config::Model,
    message: &message::Model,
    attempt: &attempt::Model,
) -> Result<Look> {
    let messaging =
        open::open(&ctx.hub, config)?.messaging.ok_or_else(|| Error::internal("cannot message"))?;
    let query = FindQuery {
        to: message.recipient.clone(),
        sender: deliver::sender_of(config, &message.sender),
        since: attempt.started_at - SKEW,
        max_pages: MAX_PAGES,
    };
    let found = messaging.find(&query).await.map_err(Error::unavailable)?;
    let candidates = found.messages.into_iter().filter(|remote| likeness(message, remote) != Likeness::Other);
    let mut free: Vec<RemoteMessage> = candidates.collect();
    // After the list and before the ids that are taken: who is handing over meanwhile is seen as the one or the other.
    let rivals = rivals(ctx, message, query.since).await?;
    let claimed = claimed(ctx, message, &free).await?;
    free.retain(|remote| !claimed.contains(&remote.sid));
    let (mut same, perhaps): (Vec<_>, Vec<_>) =
        free.into_iter().partition(|remote| likeness(message, remote) == Likeness::Same);
    let unclear = !found.complete || !perhaps.is_empty();
    if !same.is_empty() && same.len() <= rivals {
        return Ok(Look::Unclear);
    }
    Ok(match same.pop() {
        Some(oldest) => Look::Found(Box::new(oldest)),
        None if unclear => Look::Unclear,
        None => Look::Absent,
    })
}

fn likeness(message: &message::Model, remote: &RemoteMessage) -> Likeness {
    let body = remote.body.as_deref().unwrap_or_default();
    let same = remote.direction != Some(Direction::Inbound)
        && (body == message.body || body == smart_encode(&message.body))
        && remote.to.as_deref().is_none_or(|to| to == message.recipient);
    match remote.num_media {
        _ if !same => Likeness::Other,
        Some(0) if message.media_count > 0 => Likeness::Perhaps,
        Some(count) if i32::from(count) != message.media_count => Likeness::Other,
        _ => Likeness::Same,
    }
}

async fn claimed(
    ctx: &Ctx,
    message: &message::Model,
    candidates: &[RemoteMessage],
) -> Result<HashSet<String>> {
    if candidates.is_empty() {
        return Ok(HashSet::new());
    }
    let sids: Vec<String> = candidates.iter().map(|remote| remote.sid.clone()).collect();
    let buried = tombstone::Entity::find()
        .filter(tombstone::Column::Account.eq(&message.account))
        .filter(tombstone::Column::CarrierMessageId.is_in(sids.clone()))
        .all(ctx.db())
        .await?;
    let of_messages = message::Entity::find()
        .filter(message::Column::Account.eq(&message.account))
        .filter(message::Column::CarrierMessageId.is_in(sids.clone()))
        .filter(message::Column::Id.ne(message.id))
        .all(ctx.db())
        .await?;
    // A second copy of a message stands only in its attempt.
    let of_attempts = attempt::Entity::find()
        .filter(attempt::Column::CarrierMessageId.is_in(sids))
        .filter(attempt::Column::MessageId.ne(message.id))
        .all(ctx.db())
        .await?;
    let of_messages = of_messages.into_iter().filter_map(|row| row.carrier_message_id);
    let of_attempts = of_attempts.into_iter().filter_map(|row| row.carrier_message_id);
    let buried = buried.into_iter().map(|row| row.carrier_message_id);
    Ok(of_messages.chain(of_attempts).chain(buried).collect())
}

/// Attempts of other messages that the carrier may have taken and that look the same in its list: a copy may be theirs. Only
/// those whose copies this list would show.
async fn rivals(ctx: &Ctx, message: &message::Model, since: DateTime<Utc>) -> Result<usize> {
    let same_way = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::Account.eq(&message.account))
        .filter(message::Column::Sender.eq(&message.sender))
        .filter(message::Column::Recipient.eq(&message.recipient))
        .filter(message::Column::MediaCount.eq(message.media_count))
        .filter(message::Column::Id.ne(message.id));
    let open: Vec<MessageId> = attempt::Entity::find()
        .select_only()
        .column(attempt::Column::MessageId)
        .filter(attempt::Column::MessageId.in_subquery(same_way.into_query()))
        .filter(attempt::Column::State.is_in([AttemptState::Started, AttemptState::InDoubt]))
        .filter(attempt::Column::StartedAt.gte(since - SKEW))
        .into_tuple()
        .all(ctx.db())
        .await?;
    if open.is_empty() {
        return Ok(0);
    }
    let others = message::Entity::find().filter(message::Column::Id.is_in(open)).all(ctx.db()).await?;
    let text = smart_encode(&message.body);
    Ok(others.iter().filter(|other| smart_encode(&other.body) == text).count())
}

//! Batched reads of what messages and conversations point at, each inside the caller's organisation.

use std::{collections::HashMap, hash::Hash};

use entity::{
    Tenanted, api_key, attempt, conversation,
    ids::{ApiKeyId, ConversationId, MessageId},
    media, message, timeline_entry,
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};

use crate::{
    base::{ctx::Ctx, error::Result},
    graphql::loader::Fetch,
};

/// Messages by id.
#[derive(Debug)]
pub struct MessagesById;

impl Fetch for MessagesById {
    type Key = MessageId;
    type Value = message::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<MessageId>) -> Result<HashMap<MessageId, message::Model>> {
        let rows = message::Entity::in_org(ctx.organization()?).filter(message::Column::Id.is_in(keys));
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Conversations by id.
#[derive(Debug)]
pub struct ConversationsById;

impl Fetch for ConversationsById {
    type Key = ConversationId;
    type Value = conversation::Model;

    async fn fetch(
        ctx: &Ctx,
        keys: Vec<ConversationId>,
    ) -> Result<HashMap<ConversationId, conversation::Model>> {
        let rows =
            conversation::Entity::in_org(ctx.organization()?).filter(conversation::Column::Id.is_in(keys));
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Keys by id: authors of messages.
#[derive(Debug)]
pub struct ApiKeysById;

impl Fetch for ApiKeysById {
    type Key = ApiKeyId;
    type Value = api_key::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<ApiKeyId>) -> Result<HashMap<ApiKeyId, api_key::Model>> {
        let rows = api_key::Entity::in_org(ctx.organization()?).filter(api_key::Column::Id.is_in(keys));
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Files of messages, in their order.
#[derive(Debug)]
pub struct MediaOfMessage;

impl Fetch for MediaOfMessage {
    type Key = MessageId;
    type Value = Vec<media::Model>;

    async fn fetch(ctx: &Ctx, keys: Vec<MessageId>) -> Result<HashMap<MessageId, Vec<media::Model>>> {
        let rows = media::Entity::in_org(ctx.organization()?)
            .filter(media::Column::MessageId.is_in(keys))
            .order_by_asc(media::Column::MessageId)
            .order_by_asc(media::Column::Position)
            .all(ctx.db())
            .await?;
        Ok(grouped(rows, |row| row.message_id))
    }
}

/// Attempts of messages, the first one first.
#[derive(Debug)]
pub struct AttemptsOfMessage;

impl Fetch for AttemptsOfMessage {
    type Key = MessageId;
    type Value = Vec<attempt::Model>;

    async fn fetch(ctx: &Ctx, keys: Vec<MessageId>) -> Result<HashMap<MessageId, Vec<attempt::Model>>> {
        let rows = attempt::Entity::in_org(ctx.organization()?)
            .filter(attempt::Column::MessageId.is_in(keys))
            .order_by_asc(attempt::Column::MessageId)
            .order_by_asc(attempt::Column::Ordinal)
            .all(ctx.db())
            .await?;
        Ok(grouped(rows, |row| row.message_id))
    }
}

/// Timelines of messages, the oldest entry first.
#[derive(Debug)]
pub struct TimelineOfMessage;

impl Fetch for TimelineOfMessage {
    type Key = MessageId;
    type Value = Vec<timeline_entry::Model>;

    async fn fetch(
        ctx: &Ctx,
        keys: Vec<MessageId>,
    ) -> Result<HashMap<MessageId, Vec<timeline_entry::Model>>> {
        let rows = timeline_entry::Entity::in_org(ctx.organization()?)
            .filter(timeline_entry::Column::MessageId.is_in(keys))
            .order_by_asc(timeline_entry::Column::MessageId)
            .order_by_asc(timeline_entry::Column::Id)
            .all(ctx.db())
            .await?;
        Ok(grouped(rows, |row| row.message_id))
    }
}

fn grouped<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

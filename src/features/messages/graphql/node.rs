//! What `node(id:)` finds of this feature. What the caller's organisation does not have answers as missing.

use async_graphql::Context;
use entity::{
    Tenanted, attempt,
    ids::{AttemptId, ConversationId, JobId, MediaId, MessageId, TimelineEntryId},
    media, timeline_entry,
};
use sea_orm::{ColumnTrait, QueryFilter};

use super::{
    attempt::Attempt,
    conversation::Conversation,
    job::Job,
    loaders::{ConversationsById, MessagesById},
    media::Media,
    message::Message,
    timeline::TimelineEntry,
};
use crate::{
    base::{caller::Permission, ctx::Ctx, error::Result},
    features::messages::dead_jobs,
    graphql::{CtxExt, loader::load},
};

/// A message; many are read at once.
pub async fn message(gql: &Context<'_>, id: MessageId) -> Result<Option<Message>> {
    gql.ctx()?.require(Permission::MessagesRead)?;
    Ok(load::<MessagesById>(gql, id).await?.map(Message))
}

/// A conversation; many are read at once.
pub async fn conversation(gql: &Context<'_>, id: ConversationId) -> Result<Option<Conversation>> {
    gql.ctx()?.require(Permission::MessagesRead)?;
    Ok(load::<ConversationsById>(gql, id).await?.map(Conversation))
}

/// A file of a message.
pub async fn media(gql: &Context<'_>, id: MediaId) -> Result<Option<Media>> {
    let ctx = gql.ctx()?;
    let organization = ctx.require(Permission::MessagesRead)?;
    let row = media::Entity::in_org(organization).filter(media::Column::Id.eq(id)).one(ctx.db()).await?;
    let Some(row) = row else { return Ok(None) };
    let message = load::<MessagesById>(gql, row.message_id).await?;
    Ok(message.map(|message| Media { row, direction: message.direction }))
}

/// One try to hand a message over.
pub async fn attempt(ctx: &Ctx, id: AttemptId) -> Result<Option<Attempt>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = attempt::Entity::in_org(organization).filter(attempt::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?.map(Attempt))
}

/// One line of a message's timeline.
pub async fn timeline_entry(ctx: &Ctx, id: TimelineEntryId) -> Result<Option<TimelineEntry>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = timeline_entry::Entity::in_org(organization).filter(timeline_entry::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?.map(TimelineEntry))
}

/// A job, for admins.
pub async fn job(ctx: &Ctx, id: JobId) -> Result<Option<Job>> {
    Ok(dead_jobs::find(ctx, id).await?.map(Job))
}

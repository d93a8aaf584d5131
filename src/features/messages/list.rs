//! Reads messages and conversations, one by id or page by page. Changes nothing.

use entity::{
    Tenanted, conversation,
    ids::{ConversationId, MessageId},
    message,
};
use sea_orm::{ColumnTrait, Condition, QueryFilter};

use super::graphql::{ConversationFilter, MessageFilter, Reading};
use crate::{
    base::{caller::Permission, ctx::Ctx, error::Result, region},
    graphql::page::{self, Page, PageArgs, Sort},
};

/// The message of this id, if it is the organisation's.
pub async fn message(ctx: &Ctx, id: MessageId) -> Result<Option<message::Model>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    Ok(message::Entity::in_org(organization).filter(message::Column::Id.eq(id)).one(ctx.db()).await?)
}

/// The conversation of this id, if it is the organisation's.
pub async fn conversation(ctx: &Ctx, id: ConversationId) -> Result<Option<conversation::Model>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = conversation::Entity::in_org(organization).filter(conversation::Column::Id.eq(id));
    Ok(rows.one(ctx.db()).await?)
}

/// A page of the organisation's messages by the time they were accepted or received.
pub async fn messages(
    ctx: &Ctx,
    filter: Option<MessageFilter>,
    descending: bool,
    args: PageArgs,
) -> Result<Page<message::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let condition = match filter {
        Some(filter) => filter.condition(reading(ctx).await?)?,
        None => Condition::all(),
    };
    let rows = message::Entity::in_org(organization).filter(condition);
    page::fetch(ctx, "messages", rows, by_creation(descending), args).await
}

/// A page of one conversation's messages.
pub async fn of_conversation(
    ctx: &Ctx,
    conversation: ConversationId,
    descending: bool,
    args: PageArgs,
) -> Result<Page<message::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let rows = message::Entity::in_org(organization).filter(message::Column::ConversationId.eq(conversation));
    page::fetch(ctx, "messages", rows, by_creation(descending), args).await
}

/// A page of the organisation's conversations by their newest message.
pub async fn conversations(
    ctx: &Ctx,
    filter: Option<ConversationFilter>,
    descending: bool,
    args: PageArgs,
) -> Result<Page<conversation::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let condition = match filter {
        Some(filter) => filter.condition(reading(ctx).await?)?,
        None => Condition::all(),
    };
    let rows = conversation::Entity::in_org(organization).filter(condition);
    let sort = Sort { key: conversation::Column::LastMessageAt, id: conversation::Column::Id, descending };
    page::fetch(ctx, "conversations", rows, sort, args).await
}

/// How the organisation writes numbers.
pub(super) async fn reading(ctx: &Ctx) -> Result<Reading> {
    let organization = ctx.organization()?;
    Ok(Reading { organization, region: region::of(ctx.db(), organization).await? })
}

fn by_creation(descending: bool) -> Sort<message::Column> {
    Sort { key: message::Column::CreatedAt, id: message::Column::Id, descending }
}

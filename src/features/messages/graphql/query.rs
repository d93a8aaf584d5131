//! Queries of messages, conversations and dead jobs: parse, call one service, wrap.

use async_graphql::{Context, Object, Result};
use entity::ids::{ConversationId, MessageId};

use super::{
    conversation::{
        Conversation, ConversationConnection, ConversationOrder, MessageConnection, MessageOrder,
    },
    filter::{ConversationFilter, MessageFilter},
    job::{Job, JobConnection},
    message::Message,
};
use crate::{
    features::messages::{dead_jobs, list},
    graphql::{CtxExt, page::PageArgs},
};

/// Queries of messages and conversations.
#[derive(Default)]
pub struct MessagesQuery;

#[Object]
impl MessagesQuery {
    /// A message of the organisation; null when there is none of this id.
    async fn message(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Its id, `msg_…`.")] id: MessageId,
    ) -> Result<Option<Message>> {
        Ok(list::message(gql.ctx()?, id).await?.map(Message))
    }

    /// Messages of the organisation, newest first unless `orderBy` says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn messages(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all by default.")] filter: Option<MessageFilter>,
        #[graphql(desc = "Newest first by default.")] order_by: Option<MessageOrder>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MessageConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let descending = MessageOrder::is_descending(order_by);
        let page = list::messages(gql.ctx()?, filter, descending, args).await?;
        Ok(MessageConnection::new(page, Message))
    }

    /// A conversation of the organisation; null when there is none of this id.
    async fn conversation(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Its id, `cnv_…`.")] id: ConversationId,
    ) -> Result<Option<Conversation>> {
        Ok(list::conversation(gql.ctx()?, id).await?.map(Conversation))
    }

    /// Conversations of the organisation, the one with the newest message first unless `orderBy` says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn conversations(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all by default.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "The newest message first by default.")] order_by: Option<ConversationOrder>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<ConversationConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let descending = ConversationOrder::is_descending(order_by);
        let page = list::conversations(gql.ctx()?, filter, descending, args).await?;
        Ok(ConversationConnection::new(page, Conversation))
    }

    /// Work that was given up after its last try, the last one to die first. For admins.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn dead_jobs(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<JobConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        Ok(JobConnection::new(dead_jobs::list(gql.ctx()?, args).await?, Job))
    }
}

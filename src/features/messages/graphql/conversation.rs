//! Threads: one of our senders with one phone, and the pages of both.

use async_graphql::{Context, Enum, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{conversation, enums::Direction, ids::ConversationId, message};

use super::{loaders::MessagesById, message::Message};
use crate::{
    base::caller::Permission,
    connection,
    features::{
        contacts::{find::ContactsById, graphql::Contact},
        messages::list,
        numbers::{find::NumbersById, graphql::Number},
    },
    graphql::{CtxExt, loader::load, order::OrderDirection, page::PageArgs},
};

connection! {
    /// A page of messages.
    pub MessageConnection, MessageEdge => Message, message::Entity
}

connection! {
    /// A page of conversations.
    pub ConversationConnection, ConversationEdge => Conversation, conversation::Entity
}

/// What messages can be ordered by.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MessageOrderField {
    /// When they were accepted or received.
    CreatedAt,
}

/// The order of messages.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct MessageOrder {
    /// By what.
    pub field: MessageOrderField,
    /// Which end comes first.
    pub direction: OrderDirection,
}

/// What conversations can be ordered by.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ConversationOrderField {
    /// When their newest message came or was accepted.
    LastMessageAt,
}

/// The order of conversations.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct ConversationOrder {
    /// By what.
    pub field: ConversationOrderField,
    /// Which end comes first.
    pub direction: OrderDirection,
}

impl MessageOrder {
    /// Newest first when nothing is said.
    pub(super) fn is_descending(order: Option<Self>) -> bool {
        order.is_none_or(|order| order.direction.is_descending())
    }
}

impl ConversationOrder {
    /// Newest first when nothing is said.
    pub(super) fn is_descending(order: Option<Self>) -> bool {
        order.is_none_or(|order| order.direction.is_descending())
    }
}

/// A thread between one of our senders and one phone.
#[derive(Clone, Debug)]
pub struct Conversation(pub conversation::Model);

/// A thread between one of our senders and one phone.
#[Object]
impl Conversation {
    /// `cnv_…`.
    pub async fn id(&self) -> ConversationId {
        self.0.id
    }

    /// Our sender; null once it was removed.
    async fn number(&self, gql: &Context<'_>) -> Result<Option<Number>> {
        let Some(id) = self.0.number_id else { return Ok(None) };
        Ok(load::<NumbersById>(gql, id).await?.map(Number))
    }

    /// Our sender's address: a number in E.164, a short code, a sender id or a messaging service.
    async fn sender(&self) -> &str {
        &self.0.sender
    }

    /// The other phone, in E.164; carriers and companies may write from a short code.
    async fn contact_number(&self) -> &str {
        &self.0.contact_number
    }

    /// Who that is, when known; for whoever may read messages.
    async fn contact(&self, gql: &Context<'_>) -> Result<Option<Contact>> {
        contact_of(gql, Some(&self.0)).await
    }

    /// The newest message; for whoever may read messages.
    async fn last_message(&self, gql: &Context<'_>) -> Result<Option<Message>> {
        gql.ctx()?.require(Permission::MessagesRead)?;
        let Some(id) = self.0.last_message_id else { return Ok(None) };
        Ok(load::<MessagesById>(gql, id).await?.map(Message))
    }

    /// When the newest message came or was accepted.
    async fn last_message_at(&self) -> DateTime<Utc> {
        self.0.last_message_at
    }

    /// Who wrote last: after INBOUND it is our turn.
    async fn last_direction(&self) -> Direction {
        self.0.last_direction
    }

    /// Inbound messages since somebody last marked the conversation read.
    async fn unread_count(&self) -> i32 {
        self.0.unread_count
    }

    /// When somebody last marked it read.
    async fn last_read_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_read_at
    }

    /// First message.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Its messages, newest first unless `orderBy` says otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn messages(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Newest first by default.")] order_by: Option<MessageOrder>,
        #[graphql(desc = "Rows from the start: 1 to 100, 20 by default.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end: 1 to 100. Not with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MessageConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let descending = MessageOrder::is_descending(order_by);
        let page = list::of_conversation(gql.ctx()?, self.0.id, descending, args).await?;
        Ok(MessageConnection::new(page, Message))
    }
}

/// The contact of a conversation, when it is known.
pub(super) async fn contact_of(
    gql: &Context<'_>,
    conversation: Option<&conversation::Model>,
) -> Result<Option<Contact>> {
    gql.ctx()?.require(Permission::MessagesRead)?;
    let Some(id) = conversation.and_then(|row| row.contact_id) else { return Ok(None) };
    Ok(load::<ContactsById>(gql, id).await?.map(Contact))
}

//! Subscriptions: each follows the organisation's log from a cursor, picks its kinds, and builds nodes from snapshots, so
//! that a replay shows what live subscribers saw.

use async_graphql::{Context, InputObject, Result, SimpleObject, Subscription};
use entity::{
    enums::{Direction, MessageStatus},
    ids::{ConversationId, NumberId},
    message,
};
use futures_util::{Stream, StreamExt};

use super::{
    conversation::Conversation,
    event::{Event, EventEdge, EventType},
    message::Message,
};
use crate::{
    base::{self, ctx::Ctx},
    features::messages::{
        list,
        live::{self, Live},
        snapshot,
    },
    graphql::{CtxExt, live::opened, loader::Loaders},
};

/// Which messages a subscription shows. All that is said must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct MessageEventFilter {
    /// Sent from, or received at, this number of ours.
    pub number: Option<NumberId>,
    /// In this thread.
    pub conversation_id: Option<ConversationId>,
    /// With this phone, in any common writing.
    pub contact_number: Option<String>,
    /// In this direction.
    pub direction: Option<Direction>,
    /// With one of these statuses.
    pub status: Option<Vec<MessageStatus>>,
}

/// A message as it was right after an event, with the event's cursor.
#[derive(SimpleObject)]
pub struct MessageEventEdge {
    /// Opaque; resumes right behind this event as `after` of any subscription.
    pub cursor: String,
    /// The message.
    pub node: Message,
}

/// A conversation as it was right after an event, with the event's cursor.
#[derive(SimpleObject)]
pub struct ConversationEventEdge {
    /// Opaque; resumes right behind this event as `after` of any subscription.
    pub cursor: String,
    /// The conversation.
    pub node: Conversation,
}

/// Subscriptions to messages, conversations and everything else that happens.
#[derive(Default)]
pub struct MessagesSubscription;

#[Subscription]
impl MessagesSubscription {
    /// Inbound messages. With `after`, first those that came since, then live; none is missing, none comes twice.
    async fn message_received(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all by default.")] filter: Option<MessageEventFilter>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on without it.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<MessageEventEdge>>> {
        messages(gql, snapshot::RECEIVED, filter, after).await
    }

    /// Messages that were accepted, or whose status rose. With `after`, first what happened since, then live; nothing is
    /// missing, nothing comes twice.
    async fn message_status_changed(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all by default.")] filter: Option<MessageEventFilter>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on without it.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<MessageEventEdge>>> {
        messages(gql, snapshot::STATUS_CHANGED, filter, after).await
    }

    /// Conversations that have a new message or were read. With `after`, first what happened since, then live; nothing is
    /// missing, nothing comes twice.
    async fn conversation_updated(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Cursor of the last event that was seen; from now on without it.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<ConversationEventEdge>>> {
        follow(gql, after, |Live { cursor, event }| {
            if *event.kind != *snapshot::CONVERSATION_UPDATED {
                return Ok(None);
            }
            let node = Conversation(snapshot::conversation_in(&event)?);
            Ok(Some(ConversationEventEdge { cursor, node }))
        })
        .await
    }

    /// Everything that happens in the organisation, in order. With `after`, first what happened since, then live; nothing is
    /// missing, nothing comes twice.
    async fn events(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which types; all that the caller may see by default.")] types: Option<
            Vec<EventType>,
        >,
        #[graphql(desc = "Cursor of the last event that was seen; from now on without it.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<EventEdge>>> {
        let ctx = gql.ctx()?;
        for wanted in types.iter().flatten() {
            ctx.require(wanted.permission())?;
        }
        let ctx = ctx.clone();
        follow(gql, after, move |Live { cursor, event }| {
            let shown = EventType::of(&event.kind)
                .filter(|kind| types.as_ref().is_none_or(|types| types.contains(kind)))
                .filter(|kind| ctx.require(kind.permission()).is_ok());
            Ok(shown.map(|kind| EventEdge { cursor, node: Event { entry: event, kind } }))
        })
        .await
    }
}

async fn messages(
    gql: &Context<'_>,
    kind: &'static str,
    filter: Option<MessageEventFilter>,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<MessageEventEdge>>> {
    let filter = match filter {
        Some(filter) => filter.read(gql.ctx()?).await?,
        None => MessageEventFilter::default(),
    };
    follow(gql, after, move |Live { cursor, event }| {
        if *event.kind != *kind {
            return Ok(None);
        }
        let message = snapshot::message_in(&event)?;
        Ok(filter.shows(&message).then_some(MessageEventEdge { cursor, node: Message(message) }))
    })
    .await
}

/// What `pick` makes of the events behind the cursor, then of the live ones. Each event is answered with relations read
/// afresh: what the one before it loaded may have changed since.
async fn follow<T>(
    gql: &Context<'_>,
    after: Option<String>,
    mut pick: impl FnMut(Live) -> base::error::Result<Option<T>>,
) -> Result<impl Stream<Item = Result<T>>> {
    let loaders = gql.data::<Loaders>()?;
    let events = live::follow(gql.ctx()?, after.as_deref()).await?;
    opened(gql);
    Ok(events.filter_map(move |live| {
        loaders.forget();
        std::future::ready(live.and_then(&mut pick).map_err(Into::into).transpose())
    }))
}

impl MessageEventFilter {
    /// The same with the address as the database holds it.
    async fn read(mut self, ctx: &Ctx) -> base::error::Result<Self> {
        if let Some(text) = &self.contact_number {
            self.contact_number = Some(list::reading(ctx).await?.address(text)?);
        }
        Ok(self)
    }

    fn shows(&self, message: &message::Model) -> bool {
        let contact_number = match message.direction {
            Direction::Inbound => &message.sender,
            Direction::Outbound => &message.recipient,
        };
        self.number.is_none_or(|number| message.number_id == Some(number))
            && self.conversation_id.is_none_or(|id| message.conversation_id == id)
            && self.contact_number.as_ref().is_none_or(|number| number == contact_number)
            && self.direction.is_none_or(|direction| message.direction == direction)
            && self.status.as_ref().is_none_or(|statuses| statuses.contains(&message.status))
    }
}

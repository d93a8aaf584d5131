//! A message with all that is known of it. Relations are batched: a page costs one query a kind.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    enums::{Direction, Encoding, MessageStatus},
    ids::{CarrierConfigId, MessageId},
    message,
};

use super::{
    attempt::Attempt,
    author::MessageAuthor,
    conversation::Conversation,
    loaders::{AttemptsOfMessage, ConversationsById, MediaOfMessage, TimelineOfMessage},
    media::Media,
    timeline::TimelineEntry,
};
use crate::{
    base::caller::Permission,
    carriers,
    features::{
        contacts::graphql::Contact,
        numbers::{find::NumbersById, graphql::Number},
    },
    graphql::{
        CtxExt,
        loader::load,
        scalars::{CountryCodeText, Money},
    },
};

/// A text or multimedia message, sent or received.
#[derive(Clone, Debug)]
pub struct Message(pub message::Model);

/// A text or multimedia message, sent or received.
#[Object]
impl Message {
    /// `msg_…`.
    pub async fn id(&self) -> MessageId {
        self.0.id
    }

    /// Went to, or came from, a sandbox: no phone was involved.
    async fn is_test(&self) -> bool {
        self.0.is_test
    }

    /// Who wrote.
    async fn direction(&self) -> Direction {
        self.0.direction
    }

    /// The sending address: a number in E.164, a short code, a sender id or a messaging service.
    async fn from(&self) -> &str {
        &self.0.sender
    }

    /// The receiving address, in E.164 for phones.
    async fn to(&self) -> &str {
        &self.0.recipient
    }

    /// The text; empty when there are only files.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// Files, in their order.
    async fn media(&self, gql: &Context<'_>) -> Result<Vec<Media>> {
        if self.0.media_count == 0 {
            return Ok(Vec::new());
        }
        let rows = load::<MediaOfMessage>(gql, self.0.id).await?.unwrap_or_default();
        Ok(rows.into_iter().map(|row| Media { row, direction: self.0.direction }).collect())
    }

    /// Radio segments, which carriers bill by: ours at first, the carrier's count once it is known.
    async fn segments(&self) -> i32 {
        self.0.segments
    }

    /// The radio alphabet that the text needs; decides how much fits into a segment.
    async fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    /// Country of the other phone, when it can be told.
    async fn country(&self) -> Option<CountryCodeText> {
        self.0.country.clone().map(CountryCodeText)
    }

    /// Where the message is on its way. Only rises: a late receipt never turns it back.
    async fn status(&self) -> MessageStatus {
        self.0.status
    }

    /// The carrier's own word for the status.
    async fn carrier_status(&self) -> Option<&str> {
        self.0.carrier_status.as_deref()
    }

    /// The carrier's id of the message.
    async fn carrier_message_id(&self) -> Option<&str> {
        self.0.carrier_message_id.as_deref()
    }

    /// The carrier's code for what went wrong.
    async fn error_code(&self) -> Option<i32> {
        self.0.error_code
    }

    /// What went wrong, in the carrier's words or ours.
    async fn error_message(&self) -> Option<&str> {
        self.0.error_message.as_deref()
    }

    /// What the error code means, in plain words.
    async fn error_explanation(&self) -> Option<&str> {
        self.0.error_code.and_then(carriers::error::explain)
    }

    /// What the carrier charged; carriers name it minutes to hours after delivery.
    async fn price(&self) -> Option<Money> {
        let (micros, currency) = self.0.price_micros.zip(self.0.price_currency.clone())?;
        Some(Money::from_micros(micros, currency))
    }

    /// Lower goes first when many messages wait.
    async fn priority(&self) -> i32 {
        self.0.priority
    }

    /// Not handed over before this time.
    async fn scheduled_at(&self) -> Option<DateTime<Utc>> {
        self.0.scheduled_at
    }

    /// Accepted from the client, or received from the carrier.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The carrier passed it on.
    async fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.0.sent_at
    }

    /// The handset has it.
    async fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.0.delivered_at
    }

    /// It failed for good.
    async fn failed_at(&self) -> Option<DateTime<Utc>> {
        self.0.failed_at
    }

    /// Its text and files were erased here; null while they are not.
    async fn redacted_at(&self) -> Option<DateTime<Utc>> {
        self.0.redacted_at
    }

    /// The carrier's copy was erased, or there was none; null while it is not known to be.
    async fn carrier_redacted_at(&self) -> Option<DateTime<Utc>> {
        self.0.carrier_redacted_at
    }

    /// Last change.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Who sent it; null for inbound messages and automatic replies.
    async fn author(&self) -> Option<MessageAuthor> {
        MessageAuthor::of(&self.0)
    }

    /// The thread that it belongs to; for whoever may read messages.
    async fn conversation(&self, gql: &Context<'_>) -> Result<Option<Conversation>> {
        gql.ctx()?.require(Permission::MessagesRead)?;
        Ok(load::<ConversationsById>(gql, self.0.conversation_id).await?.map(Conversation))
    }

    /// Who the other phone belongs to, when that is known; for whoever may read messages.
    async fn contact(&self, gql: &Context<'_>) -> Result<Option<Contact>> {
        let conversation = load::<ConversationsById>(gql, self.0.conversation_id).await?;
        super::conversation::contact_of(gql, conversation.as_ref()).await
    }

    /// Our sender; null once it was removed.
    async fn number(&self, gql: &Context<'_>) -> Result<Option<Number>> {
        let Some(id) = self.0.number_id else { return Ok(None) };
        Ok(load::<NumbersById>(gql, id).await?.map(Number))
    }

    /// The config that it goes through; null once that was deleted.
    async fn carrier_config_id(&self) -> Option<CarrierConfigId> {
        self.0.carrier_config_id
    }

    /// Every try to hand it to the carrier, the first one first.
    async fn attempts(&self, gql: &Context<'_>) -> Result<Vec<Attempt>> {
        let rows = load::<AttemptsOfMessage>(gql, self.0.id).await?.unwrap_or_default();
        Ok(rows.into_iter().map(Attempt).collect())
    }

    /// Every receipt and every decision, the oldest first.
    async fn timeline(&self, gql: &Context<'_>) -> Result<Vec<TimelineEntry>> {
        let rows = load::<TimelineOfMessage>(gql, self.0.id).await?.unwrap_or_default();
        Ok(rows.into_iter().map(TimelineEntry).collect())
    }
}

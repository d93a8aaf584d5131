//! Mutations of messages: parse, call one service, wrap.

use async_graphql::{Context, Object, Result};

use super::{
    conversation::Conversation,
    input::{
        CancelMessageInput, MarkConversationReadInput, RedriveJobInput, ResolveMessageInput, SendMessageInput,
    },
    job::Job,
    message::Message,
};
use crate::{
    features::messages::{cancel, conversation, dead_jobs, resolve, send},
    graphql::CtxExt,
    payload,
};

payload! {
    /// What `sendMessage` answers.
    pub struct SendMessagePayload {
        /// The message, accepted and durable; null when it was refused.
        message: Message,
    }
}

payload! {
    /// What `cancelMessage` answers.
    pub struct CancelMessagePayload {
        /// The message, canceled.
        message: Message,
    }
}

payload! {
    /// What `resolveMessage` answers.
    pub struct ResolveMessagePayload {
        /// The message as it is now.
        message: Message,
    }
}

payload! {
    /// What `markConversationRead` answers.
    pub struct MarkConversationReadPayload {
        /// The conversation, without unread messages.
        conversation: Conversation,
    }
}

payload! {
    /// What `redriveJob` answers.
    pub struct RedriveJobPayload {
        /// The job, alive again.
        job: Job,
    }
}

/// Mutations of messages and conversations.
#[derive(Default)]
pub struct MessagesMutation;

#[Object]
impl MessagesMutation {
    /// Sends a message. Answers when it is accepted and durable, before the carrier is asked: watch
    /// `messageStatusChanged` for what becomes of it.
    async fn send_message(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The message.")] input: SendMessageInput,
    ) -> Result<SendMessagePayload> {
        SendMessagePayload::settle(gql, send::send(gql.ctx()?, input.into()).await.map(Message))
    }

    /// Withdraws a message that the carrier does not have: not handed over yet, scheduled ones included, or refused by the
    /// carrier and waiting for its next try.
    async fn cancel_message(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one.")] input: CancelMessageInput,
    ) -> Result<CancelMessagePayload> {
        CancelMessagePayload::settle(gql, cancel::cancel(gql.ctx()?, input.message_id).await.map(Message))
    }

    /// Decides about a message of which nobody knows whether it was sent (status UNKNOWN). Evidence that comes later still
    /// overrides the decision.
    async fn resolve_message(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one, and what to do.")] input: ResolveMessageInput,
    ) -> Result<ResolveMessagePayload> {
        let resolved = resolve::resolve(gql.ctx()?, input.message_id, input.resolution).await;
        ResolveMessagePayload::settle(gql, resolved.map(Message))
    }

    /// Sets a conversation's unread count to nothing.
    async fn mark_conversation_read(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one.")] input: MarkConversationReadInput,
    ) -> Result<MarkConversationReadPayload> {
        let read = conversation::mark_read(gql.ctx()?, input.conversation_id).await;
        MarkConversationReadPayload::settle(gql, read.map(Conversation))
    }

    /// Runs a dead job again, with all its tries. For admins.
    async fn redrive_job(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RedriveJobInput,
    ) -> Result<RedriveJobPayload> {
        RedriveJobPayload::settle(gql, dead_jobs::redrive(gql.ctx()?, input.job_id).await.map(Job))
    }
}

//! Mutations that make PhoneHub forget.

use async_graphql::{Context, InputObject, Object, Result};
use entity::ids::{ContactId, MessageId};

use super::message::Message;
use crate::{
    features::messages::{erase, redact},
    graphql::CtxExt,
    payload,
};

/// Which message to redact.
#[derive(Clone, Debug, InputObject)]
pub struct RedactMessageInput {
    /// The message; the carrier has it, or never will.
    pub message_id: MessageId,
}

/// Whom to forget.
#[derive(Clone, Debug, InputObject)]
pub struct EraseContactInput {
    /// The contact.
    pub contact_id: ContactId,
}

payload! {
    /// What `redactMessage` answers.
    pub struct RedactMessagePayload {
        /// The message without text and files; `carrierRedactedAt` follows when the carrier's copy is erased too.
        message: Message,
    }
}

payload! {
    /// What `eraseContact` answers.
    pub struct EraseContactPayload {
        /// The contact that is no more.
        contact_id: ContactId,
        /// Conversations with the person, whose messages are being erased in the background.
        conversations: i32,
    }
}

/// Mutations that make PhoneHub forget.
#[derive(Default)]
pub struct ErasureMutation;

#[Object]
impl ErasureMutation {
    /// Erases a message's text and files: here, in events that are replayed, and at the carrier. Needs ADMIN or
    /// `data:manage`.
    async fn redact_message(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RedactMessageInput,
    ) -> Result<RedactMessagePayload> {
        RedactMessagePayload::settle(gql, redact::redact(gql.ctx()?, input.message_id).await.map(Message))
    }

    /// Forgets a person: the contact, their numbers, and the texts and files of all messages with them, here and at the
    /// carrier; messages that wait are cancelled. Opt-outs stay. Needs ADMIN or `data:manage`.
    async fn erase_contact(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Whom.")] input: EraseContactInput,
    ) -> Result<EraseContactPayload> {
        EraseContactPayload::settle(gql, erase::erase_contact(gql.ctx()?, input.contact_id).await)
    }
}

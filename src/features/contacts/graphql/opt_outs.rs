//! Opt-outs in the API.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    enums::{OptOutScope, OptOutSource},
    ids::OptOutId,
    opt_out,
};

use super::Contact;
use crate::{
    connection,
    features::contacts::{
        find::ContactsByNumber,
        notice::sender_of,
        opt_outs::{self, ClearOptOutInput, OptOutFilter, SetOptOutInput},
    },
    graphql::{CtxExt, loader, page::PageArgs, scalars::PhoneNumberText},
    payload,
};

/// Somebody's refusal to receive messages.
pub struct OptOut(pub opt_out::Model);

/// Somebody's refusal to receive messages.
#[Object]
impl OptOut {
    /// Public id.
    pub async fn id(&self) -> OptOutId {
        self.0.id
    }

    /// Who refuses.
    async fn phone_number(&self) -> PhoneNumberText {
        PhoneNumberText(self.0.contact_number.clone())
    }

    /// The contact with this number.
    async fn contact(&self, gql: &Context<'_>) -> Result<Option<Contact>> {
        let number = self.0.contact_number.clone();
        Ok(loader::load::<ContactsByNumber>(gql, number).await?.map(Contact))
    }

    /// How far it reaches.
    async fn scope(&self) -> OptOutScope {
        self.0.scope
    }

    /// The sender that is refused; null for the whole organisation.
    async fn sender(&self) -> Option<&str> {
        sender_of(&self.0.sender_key)
    }

    /// How it became known.
    async fn source(&self) -> OptOutSource {
        self.0.source
    }

    /// Since when.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was lifted; null while it is in force.
    async fn lifted_at(&self) -> Option<DateTime<Utc>> {
        self.0.lifted_at
    }
}

connection! {
    /// Refusals, newest first.
    pub OptOutConnection, OptOutEdge => OptOut, opt_out::Entity
}

payload! {
    /// What `setOptOut` answers.
    pub struct SetOptOutPayload {
        /// The refusal in force.
        opt_out: OptOut,
    }
}

payload! {
    /// What `clearOptOut` answers.
    pub struct ClearOptOutPayload {
        /// The refusal that was lifted.
        opt_out: OptOut,
    }
}

/// Reads of opt-outs.
#[derive(Default)]
pub struct OptOutsQuery;

#[Object]
impl OptOutsQuery {
    /// The organisation's opt-outs, newest first; those in force when nothing is said.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn opt_outs(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones.")] filter: Option<OptOutFilter>,
        #[graphql(desc = "Rows from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<OptOutConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let page = opt_outs::list(gql.ctx()?, filter.unwrap_or_default(), args).await?;
        Ok(OptOutConnection::new(page, OptOut))
    }
}

/// Changes of opt-outs.
#[derive(Default)]
pub struct OptOutsMutation;

#[Object]
impl OptOutsMutation {
    /// Notes that somebody refuses messages. Needs AGENT or `contacts:write`.
    async fn set_opt_out(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Who refuses what.")] input: SetOptOutInput,
    ) -> Result<SetOptOutPayload> {
        SetOptOutPayload::settle(gql, opt_outs::set_opt_out(gql.ctx()?, input).await.map(OptOut))
    }

    /// Lifts a refusal. The carrier may go on refusing by its own list. Needs AGENT or `contacts:write`.
    async fn clear_opt_out(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which refusal.")] input: ClearOptOutInput,
    ) -> Result<ClearOptOutPayload> {
        ClearOptOutPayload::settle(gql, opt_outs::clear_opt_out(gql.ctx()?, input).await.map(OptOut))
    }
}

//! Contacts, opt-outs and keywords in the API.

mod keywords;
mod opt_outs;

pub use keywords::{
    DeleteKeywordInput, DeleteKeywordPayload, Keyword, KeywordsMutation, KeywordsQuery, SaveKeywordPayload,
};
pub use opt_outs::{
    ClearOptOutPayload, OptOut, OptOutConnection, OptOutsMutation, OptOutsQuery, SetOptOutPayload,
};

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{contact, ids::ContactId};

use super::{
    find::{self, ContactFilter, NumbersOfContact},
    upsert::{self, UpsertContactInput},
};
use crate::{
    connection,
    graphql::{
        CtxExt, loader,
        page::PageArgs,
        scalars::{Json, PhoneNumberText},
    },
    payload,
};

/// A person whom the organisation writes to.
pub struct Contact(pub contact::Model);

/// A person whom the organisation writes to.
#[Object]
impl Contact {
    /// Public id.
    pub async fn id(&self) -> ContactId {
        self.0.id
    }

    /// As the organisation calls the person.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The organisation's own id of the person.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// The person's numbers, the preferred one first.
    async fn phone_numbers(&self, gql: &Context<'_>) -> Result<Vec<PhoneNumberText>> {
        let numbers = loader::load::<NumbersOfContact>(gql, self.0.id).await?;
        Ok(numbers.unwrap_or_default().into_iter().map(PhoneNumberText).collect())
    }

    /// The organisation's own facts about the person: a JSON object.
    async fn metadata(&self) -> Json {
        Json(self.0.metadata.clone())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}

connection! {
    /// Contacts, newest first.
    pub ContactConnection, ContactEdge => Contact, contact::Entity
}

/// One number that was asked for, and whose it is.
#[derive(SimpleObject)]
pub struct ContactByPhoneNumber {
    /// The number as it was asked for.
    pub phone_number: String,
    /// The contact with this number; null for a number of nobody, or one that cannot be.
    pub contact: Option<Contact>,
}

payload! {
    /// What `upsertContact` answers.
    pub struct UpsertContactPayload {
        /// The contact as it is now.
        contact: Contact,
    }
}

/// Reads of contacts.
#[derive(Default)]
pub struct ContactsQuery;

#[Object]
impl ContactsQuery {
    /// The organisation's contacts, newest first.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn contacts(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which ones; all when nothing is said.")] filter: Option<ContactFilter>,
        #[graphql(desc = "Rows from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<ContactConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        let page = find::list(gql.ctx()?, filter.unwrap_or_default(), args).await?;
        Ok(ContactConnection::new(page, Contact))
    }

    /// Whose numbers these are: one answer each, in the order asked.
    async fn contacts_by_phone_numbers(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "At most 500 numbers, in any common writing.")] phone_numbers: Vec<String>,
    ) -> Result<Vec<ContactByPhoneNumber>> {
        let found = find::by_numbers(gql.ctx()?, phone_numbers).await?;
        let answer = |(phone_number, contact): (String, Option<contact::Model>)| ContactByPhoneNumber {
            phone_number,
            contact: contact.map(Contact),
        };
        Ok(found.into_iter().map(answer).collect())
    }
}

/// Changes of contacts.
#[derive(Default)]
pub struct ContactsMutation;

#[Object]
impl ContactsMutation {
    /// Makes or changes a contact and links its conversations. Needs AGENT or `contacts:write`.
    async fn upsert_contact(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The person; what is left out stays as it is.")] input: UpsertContactInput,
    ) -> Result<UpsertContactPayload> {
        UpsertContactPayload::settle(gql, upsert::upsert(gql.ctx()?, input).await.map(Contact))
    }
}

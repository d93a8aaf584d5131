//! Keywords in the API.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{ids::KeywordId, keyword};

use crate::{
    features::contacts::keywords::{self, SaveKeywordInput},
    graphql::CtxExt,
    payload,
};

/// A word of the organisation that is answered when a whole message consists of it.
pub struct Keyword(pub keyword::Model);

/// A word of the organisation that is answered when a whole message consists of it.
#[Object]
impl Keyword {
    /// Public id.
    pub async fn id(&self) -> KeywordId {
        self.0.id
    }

    /// In upper case; messages match in any case.
    async fn word(&self) -> &str {
        &self.0.word
    }

    /// What is answered.
    async fn reply(&self) -> &str {
        &self.0.reply
    }

    /// Answers only while true.
    async fn active(&self) -> bool {
        self.0.active
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

/// Which keyword to delete.
#[derive(InputObject)]
pub struct DeleteKeywordInput {
    /// The keyword.
    pub id: KeywordId,
}

payload! {
    /// What `saveKeyword` answers.
    pub struct SaveKeywordPayload {
        /// The keyword as it is now.
        keyword: Keyword,
    }
}

payload! {
    /// What `deleteKeyword` answers.
    pub struct DeleteKeywordPayload {
        /// The id of what is gone.
        deleted_id: KeywordId,
    }
}

/// Reads of keywords.
#[derive(Default)]
pub struct KeywordsQuery;

#[Object]
impl KeywordsQuery {
    /// The organisation's keywords by word; there are at most 200.
    async fn keywords(&self, gql: &Context<'_>) -> Result<Vec<Keyword>> {
        Ok(keywords::list(gql.ctx()?).await?.into_iter().map(Keyword).collect())
    }
}

/// Changes of keywords.
#[derive(Default)]
pub struct KeywordsMutation;

#[Object]
impl KeywordsMutation {
    /// Makes or changes a keyword. Needs ADMIN or `carriers:manage`.
    async fn save_keyword(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "The word and its reply.")] input: SaveKeywordInput,
    ) -> Result<SaveKeywordPayload> {
        SaveKeywordPayload::settle(gql, keywords::save(gql.ctx()?, input).await.map(Keyword))
    }

    /// Deletes a keyword. Needs ADMIN or `carriers:manage`.
    async fn delete_keyword(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Which keyword.")] input: DeleteKeywordInput,
    ) -> Result<DeleteKeywordPayload> {
        DeleteKeywordPayload::settle(gql, keywords::delete(gql.ctx()?, input.id).await)
    }
}

//! Who sent a message: a person or a key.

use async_graphql::{Context, Object, Result};
use entity::{
    ids::{ApiKeyId, UserId},
    message,
};

use super::loaders::ApiKeysById;
use crate::{
    base::caller::Permission,
    features::organizations::graphql::{ApiKey, User, loaders::UsersById},
    graphql::{CtxExt, loader::load},
};

/// Who sent a message: a person, or a partner's key.
#[derive(Clone, Copy, Debug)]
pub enum MessageAuthor {
    /// A person.
    User(UserId),
    /// A key.
    ApiKey(ApiKeyId),
}

impl MessageAuthor {
    /// The author, where there is one.
    pub fn of(message: &message::Model) -> Option<Self> {
        message.user_id.map(Self::User).or(message.api_key_id.map(Self::ApiKey))
    }
}

/// Who sent a message: a person, or a partner's key.
#[Object]
impl MessageAuthor {
    /// The person's or the key's name.
    async fn name(&self, gql: &Context<'_>) -> Result<Option<String>> {
        Ok(match self {
            Self::User(id) => load::<UsersById>(gql, *id).await?.map(|row| row.name),
            Self::ApiKey(id) => load::<ApiKeysById>(gql, *id).await?.map(|row| row.name),
        })
    }

    /// The person, when a person sent it.
    async fn user(&self, gql: &Context<'_>) -> Result<Option<User>> {
        let Self::User(id) = self else { return Ok(None) };
        Ok(load::<UsersById>(gql, *id).await?.map(User))
    }

    /// The key, when a key sent it; shown to those who manage keys.
    async fn api_key(&self, gql: &Context<'_>) -> Result<Option<ApiKey>> {
        let Self::ApiKey(id) = self else { return Ok(None) };
        if gql.ctx()?.require(Permission::MembersManage).is_err() {
            return Ok(None);
        }
        Ok(load::<ApiKeysById>(gql, *id).await?.map(ApiKey))
    }
}

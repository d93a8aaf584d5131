//! Files of messages, each with an address that a browser can open.

use async_graphql::{Context, Object, Result};
use entity::{enums::Direction, ids::MediaId, media};

use crate::{
    features::messages::media as files,
    graphql::{CtxExt, scalars::UrlText},
};

/// A picture, sound or other file of a message.
#[derive(Clone, Debug)]
pub struct Media {
    /// The row.
    pub row: media::Model,
    /// Its message's direction: the carrier keeps inbound files, the sender outbound ones.
    pub direction: Direction,
}

/// A picture, sound or other file of a message.
#[Object]
impl Media {
    /// `med_…`.
    pub async fn id(&self) -> MediaId {
        self.row.id
    }

    /// Where the file is. For inbound files a signed link to PhoneHub that expires after minutes: ask again for a new
    /// one. For outbound files the address that the sender gave.
    #[expect(clippy::unused_async, reason = "resolvers are asynchronous")]
    async fn url(&self, gql: &Context<'_>) -> Result<UrlText> {
        let url = match self.direction {
            Direction::Inbound => files::link(&gql.ctx()?.hub, &self.row),
            Direction::Outbound => self.row.url.clone(),
        };
        Ok(UrlText(url))
    }

    /// What kind of file it is, such as `image/jpeg`, when the carrier said so.
    async fn content_type(&self) -> Option<&str> {
        self.row.content_type.as_deref()
    }
}

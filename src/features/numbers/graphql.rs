//! Numbers in the API; read only.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{enums::NumberStatus, ids::NumberId, number};

use super::find;
use crate::{
    connection,
    features::carrier_configs::{graphql::CarrierConfig, query::CarrierConfigsById},
    graphql::{CtxExt, loader, page::PageArgs, scalars::CountryCodeText},
};

/// A sender: a phone number, short code, sender id or messaging service of a carrier account.
pub struct Number(pub number::Model);

/// A sender: a phone number, short code, sender id or messaging service of a carrier account.
#[Object]
impl Number {
    /// Public id.
    pub async fn id(&self) -> NumberId {
        self.0.id
    }

    /// E.164, short code, sender id, or the messaging service's id.
    async fn address(&self) -> &str {
        &self.0.address
    }

    /// The country of a phone number, where it belongs to one.
    async fn country(&self) -> Option<CountryCodeText> {
        self.0.country.clone().map(CountryCodeText)
    }

    /// Where it is in its life.
    async fn status(&self) -> NumberStatus {
        self.0.status
    }

    /// It sends when a message names no sender.
    async fn is_primary(&self) -> bool {
        self.0.is_primary
    }

    /// It belongs to the installation, and several organisations send from it.
    async fn is_shared(&self, gql: &Context<'_>) -> Result<bool> {
        let config = loader::load::<CarrierConfigsById>(gql, self.0.carrier_config_id).await?;
        Ok(config.is_some_and(|config| config.organization_id.is_none()))
    }

    /// The config that it sends through.
    async fn carrier_config(&self, gql: &Context<'_>) -> Result<Option<CarrierConfig>> {
        let config = loader::load::<CarrierConfigsById>(gql, self.0.carrier_config_id).await?;
        Ok(config.map(CarrierConfig))
    }

    /// When it became known.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection! {
    /// Senders, oldest first.
    pub NumberConnection, NumberEdge => Number, number::Entity
}

/// Reads of numbers.
#[derive(Default)]
pub struct NumbersQuery;

#[Object]
impl NumbersQuery {
    /// The senders that the organisation can send from: its own, or the installation's while it has no carrier config.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn numbers(
        &self,
        gql: &Context<'_>,
        #[graphql(desc = "Rows from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Rows from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows before this cursor.")] before: Option<String>,
    ) -> Result<NumberConnection> {
        let args = PageArgs::new(first, last, after, before)?;
        Ok(NumberConnection::new(find::list(gql.ctx()?, args).await?, Number))
    }
}

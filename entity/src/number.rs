//! `numbers`: senders of carrier accounts: phone numbers, short codes, sender ids, messaging services.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::NumberStatus,
    ids::{CarrierConfigId, NumberId, OrganizationId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "numbers")]
pub struct Model {
    /// Public prefix `num_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NumberId,
    /// Owner; senders of the system config belong to the operator's organisation.
    pub organization_id: OrganizationId,
    /// The config that it sends through.
    pub carrier_config_id: CarrierConfigId,
    /// The config's carrier account; unique beside the address.
    pub account: String,
    /// E.164, short code, sender id or messaging service id.
    pub address: String,
    /// ISO 3166-1 alpha-2, for phone numbers.
    pub country: Option<String>,
    /// Where it is in its life.
    pub status: NumberStatus,
    /// The config's default sender.
    pub is_primary: bool,
    /// When it became known.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

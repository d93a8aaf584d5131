//! `opt_outs`: refusals to receive; a lifted one keeps its row with `lifted_at`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    enums::{OptOutScope, OptOutSource},
    ids::{OptOutId, OrganizationId},
};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "opt_outs")]
pub struct Model {
    /// Public prefix `opt_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OptOutId,
    /// The tenant; the number's owner for a shared number.
    pub organization_id: OrganizationId,
    /// E.164 of the person.
    pub contact_number: String,
    /// One sender, or the whole organisation.
    pub scope: OptOutScope,
    /// `account/address` for SENDER, empty for ORGANIZATION; unique beside organisation and contact.
    pub sender_key: String,
    /// `account/address` of the sender that STOP went to; empty when set by hand.
    pub origin_key: String,
    /// How we know.
    pub source: OptOutSource,
    /// When.
    pub created_at: DateTimeUtc,
    /// Null: in force.
    pub lifted_at: Option<DateTimeUtc>,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

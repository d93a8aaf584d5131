//! `contacts`: people whom an organisation writes to.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::ids::{ContactId, OrganizationId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "contacts")]
pub struct Model {
    /// Public prefix `con_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// As the organisation calls the person.
    pub name: Option<String>,
    /// The organisation's own id; unique there.
    pub external_id: Option<String>,
    /// Free object of the organisation.
    pub metadata: Json,
    /// When it was made.
    pub created_at: DateTimeUtc,
    /// Last change.
    pub updated_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

//! `contact_numbers`: phone numbers of contacts; one number belongs to one contact of an organisation.

use sea_orm::entity::prelude::*;

use crate::ids::{ContactId, ContactNumberId, OrganizationId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_numbers")]
pub struct Model {
    /// Internal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactNumberId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Whose.
    pub contact_id: ContactId,
    /// E.164; unique in the organisation.
    pub phone_number: String,
    /// Order as given; the first one is written to.
    pub position: i32,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

//! `keywords`: an organisation's own keywords with their replies.

use sea_orm::entity::prelude::*;

use crate::ids::{KeywordId, OrganizationId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "keywords")]
pub struct Model {
    /// Public prefix `kwd_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: KeywordId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Upper case; unique in the organisation.
    pub word: String,
    /// What is answered.
    pub reply: String,
    /// Answers only while true.
    pub active: bool,
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

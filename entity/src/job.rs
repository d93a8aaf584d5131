//! `jobs`: work that a worker claims by lease; done ones are deleted, dead ones stay visible.

use sea_orm::entity::prelude::*;

use crate::ids::{JobId, OrganizationId};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// Public prefix `job_`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Which handler.
    pub kind: String,
    /// Public id of what it is about; unique beside the kind while the job lives.
    pub subject: String,
    /// The handler's own data.
    pub payload: Json,
    /// Lower goes first.
    pub priority: i32,
    /// Not before.
    pub run_at: DateTimeUtc,
    /// In whose line it waits, or has waited: work that shares a pace.
    pub lane: Option<String>,
    /// In the line: not claimed before its turn.
    pub waiting: bool,
    /// Fencing token: counts the claims.
    pub lease_token: i64,
    /// Milliseconds since 1970 by the database's clock.
    pub leased_until: Option<i64>,
    /// Failed runs, and the present one while it is claimed.
    pub tries: i32,
    /// Given up; redrivable.
    pub dead_at: Option<DateTimeUtc>,
    /// Masked text of the last failure.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: DateTimeUtc,
}

/// Joins are written where they are used.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenanted for Entity {
    const ORGANIZATION: Column = Column::OrganizationId;
}

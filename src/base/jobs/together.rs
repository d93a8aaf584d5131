//! Leases of several jobs at once: what [`Lease`] does for one, in one statement for all.

use std::collections::HashSet;

use entity::{ids::JobId, job};
use sea_orm::{Condition, EntityTrait, QueryFilter, sea_query::Expr};

use super::Lease;
use crate::base::{error::Result, tx::Tx};

/// A job and the token of one claim of it.
type Claim = (JobId, i64);

impl Lease {
    /// What tells this claim of the job from every other.
    pub fn claim(&self) -> Claim {
        (self.job.id, self.job.lease_token)
    }

    /// Those that are still held; keeps others from claiming the jobs until the transaction ends.
    pub async fn held_all(tx: &Tx, leases: &[&Self]) -> Result<HashSet<Claim>> {
        let touched = job::Entity::update_many()
            .col_expr(job::Column::LeaseToken, Expr::col(job::Column::LeaseToken))
            .filter(mine(leases))
            .exec_with_returning(&**tx)
            .await?;
        Ok(touched.into_iter().map(|job| (job.id, job.lease_token)).collect())
    }

    /// Deletes the jobs; answers those that were not held any more, whose jobs stay.
    pub async fn finish_all(tx: &Tx, leases: &[&Self]) -> Result<HashSet<Claim>> {
        if leases.is_empty() {
            return Ok(HashSet::new());
        }
        let deleted = job::Entity::delete_many().filter(mine(leases)).exec_with_returning(&**tx).await?;
        let mut lost: HashSet<Claim> = leases.iter().map(|lease| lease.claim()).collect();
        for job in deleted {
            lost.remove(&(job.id, job.lease_token));
        }
        Ok(lost)
    }
}

fn mine(leases: &[&Lease]) -> Condition {
    leases.iter().map(|lease| lease.is_mine()).fold(Condition::any(), Condition::add)
}

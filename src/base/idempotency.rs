//! Idempotency keys: stored in the transaction of what they made, so that a retried call finds its first answer.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use entity::{Tenanted, idempotency_key, ids::OrganizationId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set, sea_query::OnConflict};
use serde::Serialize;

use super::{
    error::{Error, ErrorCode, Result},
    tx::Tx,
};

/// Stands for input that was erased: whoever repeats the key gets what it made, whatever the input.
const ERASED: &[u8] = &[];
/// Characters of the longest key that is taken.
const LONGEST: usize = 255;

/// One client call that may be repeated.
#[derive(Clone, Debug)]
pub struct Call {
    organization_id: OrganizationId,
    mutation: &'static str,
    key: String,
    fingerprint: Vec<u8>,
}

impl Call {
    /// A call of `mutation` under a key; `input` is what must be the same when the key comes again.
    pub fn new(
        organization_id: OrganizationId,
        mutation: &'static str,
        key: &str,
        input: &impl Serialize,
    ) -> Result<Self> {
        if key.trim().is_empty() || key.chars().count() > LONGEST {
            return Err(Error::input(&["idempotencyKey"], "Give 1 to 255 characters."));
        }
        let fingerprint = digest(&SHA256, &serde_json::to_vec(input)?).as_ref().to_vec();
        Ok(Self { organization_id, mutation, key: key.to_owned(), fingerprint })
    }

    /// The public id that the first call made; a mismatch error when that call had other input.
    pub async fn made(&self, db: &impl ConnectionTrait) -> Result<Option<String>> {
        let row = idempotency_key::Entity::in_org(self.organization_id)
            .filter(idempotency_key::Column::Mutation.eq(self.mutation))
            .filter(idempotency_key::Column::Key.eq(&self.key))
            .one(db)
            .await?;
        match row {
            None => Ok(None),
            Some(row) if row.fingerprint == self.fingerprint || row.fingerprint == ERASED => {
                Ok(Some(row.subject))
            }
            Some(_) => Err(Error::new(
                ErrorCode::IdempotencyKeyParameterMismatch,
                "This idempotency key was used with other input.",
            )
            .at(&["idempotencyKey"])),
        }
    }
}

/// Stores what calls make, each with its subject's public id, in the same transaction. Gives the subjects whose call was
/// first; the others have to ask [`Call::made`]. Waits for concurrent calls under the same keys, which are taken in one
/// order, so that two transactions cannot wait for each other.
pub async fn claim_all<'a>(
    tx: &Tx,
    calls: impl IntoIterator<Item = (&'a Call, String)>,
    now: DateTime<Utc>,
) -> Result<HashSet<String>> {
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_by_key(|(call, _)| (call.organization_id, call.mutation, call.key.clone()));
    let rows = calls.into_iter().map(|(call, subject)| idempotency_key::ActiveModel {
        organization_id: Set(call.organization_id),
        mutation: Set(call.mutation.to_owned()),
        key: Set(call.key.clone()),
        fingerprint: Set(call.fingerprint.clone()),
        subject: Set(subject),
        created_at: Set(now),
    });
    let first_wins = OnConflict::columns([
        idempotency_key::Column::OrganizationId,
        idempotency_key::Column::Mutation,
        idempotency_key::Column::Key,
    ])
    .do_nothing()
    .to_owned();
    let inserted =
        idempotency_key::Entity::insert_many(rows).on_conflict(first_wins).exec_with_returning(&**tx).await?;
    Ok(inserted.into_iter().map(|row| row.subject).collect())
}

/// Forgets what the input of a call was by what it made: a hash of a short text can be guessed. A repeated call still
/// makes nothing new. `made_at` is when both were written.
pub async fn erase_input(
    tx: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: &str,
    made_at: DateTime<Utc>,
) -> Result<()> {
    idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Fingerprint, ERASED.to_vec().into())
        .filter(idempotency_key::Column::CreatedAt.eq(made_at))
        .filter(idempotency_key::Column::OrganizationId.eq(organization))
        .filter(idempotency_key::Column::Subject.eq(subject))
        .exec(tx)
        .await?;
    Ok(())
}

//! The audit log: one row a mutation, in the transaction of what it did. What was refused did nothing, so its row is
//! written beside, by the door. The database lets nobody change a row, so none may hold what a person can have erased:
//! no text of a message, no contact's name, no whole number.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use entity::{
    audit_entry,
    enums::{AuditActor, AuditOutcome},
    ids::{AuditEntryId, OrganizationId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    ctx::Ctx,
    error::{ErrorCode, Result},
};

/// Characters of a text that the audit log may show (promises.md row 32).
pub const SHOWN: usize = 160;

/// Writes who did `action` to `subject`. `detail` holds facts, no secrets, texts cut by [`shown`].
pub async fn record(
    ctx: &Ctx,
    tx: &impl ConnectionTrait,
    action: &str,
    subject: Option<String>,
    detail: Value,
) -> Result<()> {
    let organization = ctx.caller.organization().ok();
    record_in(ctx, tx, organization, Entry { action, subject, detail }).await
}

/// What an entry says beside who and when.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The mutation's name, or what was done.
    pub action: &'a str,
    /// Public id of what it was done to.
    pub subject: Option<String>,
    /// Facts beside.
    pub detail: Value,
}

/// The same for acts whose organisation is not the caller's, such as signing in.
pub async fn record_in(
    ctx: &Ctx,
    tx: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    entry: Entry<'_>,
) -> Result<()> {
    row(ctx, organization, entry).insert(tx).await?;
    Ok(())
}

/// The same as [`record`] for the acts of several callers in one transaction.
pub async fn record_all<'a>(
    tx: &impl ConnectionTrait,
    acts: impl IntoIterator<Item = (&'a Ctx, Entry<'a>)>,
) -> Result<()> {
    let rows = acts.into_iter().map(|(ctx, entry)| row(ctx, ctx.caller.organization().ok(), entry));
    audit_entry::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// An act that was refused, in a transaction of its own; `code` is the API's word for why.
pub async fn record_refused(
    ctx: &Ctx,
    organization: Option<OrganizationId>,
    entry: Entry<'_>,
    code: String,
) -> Result<()> {
    let mut row = row(ctx, organization, entry);
    row.outcome = Set(AuditOutcome::Refused);
    row.error_code = Set(Some(code));
    let tx = ctx.begin().await?;
    row.insert(&*tx).await?;
    tx.commit().await
}

/// An act that was allowed and found nothing to change.
pub async fn record_unchanged(ctx: &Ctx, action: &str, subject: Option<String>) -> Result<()> {
    let tx = ctx.begin().await?;
    record(ctx, &*tx, action, subject, json!({ "changed": false })).await?;
    tx.commit().await
}

fn row(ctx: &Ctx, organization: Option<OrganizationId>, entry: Entry<'_>) -> audit_entry::ActiveModel {
    ctx.request.trail.note_written();
    audit_entry::ActiveModel {
        id: Set(AuditEntryId::new()),
        organization_id: Set(organization),
        actor: Set(actor(&ctx.caller)),
        user_id: Set(ctx.caller.user_id()),
        api_key_id: Set(ctx.caller.api_key_id()),
        action: Set(entry.action.to_owned()),
        subject: Set(entry.subject),
        outcome: Set(AuditOutcome::Done),
        error_code: Set(None),
        detail: Set(entry.detail),
        ip: Set(ctx.request.ip.map(|ip| ip.to_string())),
        request_id: Set(ctx.request.request_id.to_string()),
        created_at: Set(ctx.now()),
    }
}

/// Entries that one statement removes.
pub const BATCH: u64 = 500;

/// Removes entries that were written before a time, a batch at most; gives how many. `None`: those of no organisation.
/// The database refuses when one of them is to be kept.
pub async fn forget_before(
    tx: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    time: DateTime<Utc>,
) -> Result<u64> {
    use audit_entry::Column as C;
    let own = match organization {
        Some(id) => C::OrganizationId.eq(id),
        None => C::OrganizationId.is_null(),
    };
    let oldest: Vec<AuditEntryId> = audit_entry::Entity::find()
        .select_only()
        .column(C::Id)
        .filter(own)
        .filter(C::CreatedAt.lt(time))
        .order_by_asc(C::CreatedAt)
        .order_by_asc(C::Id)
        .limit(BATCH)
        .into_tuple()
        .all(tx)
        .await?;
    if oldest.is_empty() {
        return Ok(0);
    }
    Ok(audit_entry::Entity::delete_many().filter(C::Id.is_in(oldest)).exec(tx).await?.rows_affected)
}

const fn actor(caller: &Caller) -> AuditActor {
    match caller {
        Caller::Anonymous => AuditActor::Anonymous,
        Caller::Member(_) => AuditActor::User,
        Caller::Key(_) => AuditActor::ApiKey,
        Caller::System(_) => AuditActor::System,
        Caller::Administrator => AuditActor::Administrator,
    }
}

/// The first characters of a text, as many as the audit log may show.
pub fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

/// What one call left behind, so that the door can add the row that the call itself could not write. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trail(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    written: AtomicBool,
    refused: Mutex<Option<ErrorCode>>,
}

impl Trail {
    fn note_written(&self) {
        self.0.written.store(true, Ordering::Relaxed);
    }

    /// The call answers with a refusal, which its caller gets as data.
    pub fn note_refused(&self, code: ErrorCode) {
        *self.0.refused.lock().expect("no panic holds it") = Some(code);
    }

    /// Whether the call wrote its row, and why it was refused; begins anew.
    pub fn take(&self) -> (bool, Option<ErrorCode>) {
        let refused = self.0.refused.lock().expect("no panic holds it").take();
        (self.0.written.swap(false, Ordering::Relaxed), refused)
    }
}

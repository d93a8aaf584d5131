//! The audit log: one row a mutation or use of a secret, in the transaction of what it tells of.

use entity::{
    audit_entry,
    ids::{AuditEntryId, OrganizationId},
};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};
use serde_json::Value;

use super::{caller::Caller, ctx::Ctx, error::Result};

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

fn row(ctx: &Ctx, organization: Option<OrganizationId>, entry: Entry<'_>) -> audit_entry::ActiveModel {
    let mut detail = entry.detail;
    if matches!(ctx.caller, Caller::Administrator) {
        detail["via"] = "command line".into();
    }
    audit_entry::ActiveModel {
        id: Set(AuditEntryId::new()),
        organization_id: Set(organization),
        user_id: Set(ctx.caller.user_id()),
        api_key_id: Set(ctx.caller.api_key_id()),
        action: Set(entry.action.to_owned()),
        subject: Set(entry.subject),
        detail: Set(detail),
        ip: Set(ctx.request.ip.map(|ip| ip.to_string())),
        request_id: Set(ctx.request.request_id.to_string()),
        created_at: Set(ctx.now()),
    }
}

/// The first characters of a text, as many as the audit log may show.
pub fn shown(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

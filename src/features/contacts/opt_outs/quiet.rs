//! The last step of a refusal. Consent is checked in the transaction before the carrier is called, so a message that
//! passed the check just before the refusal may still be on its way to the carrier: the refusal is acknowledged when it
//! is there.

use std::time::{Duration, Instant};

use entity::ids::OrganizationId;
use sea_orm::{ConnectionTrait, Value};

use crate::base::{ctx::Ctx, error::Result, tx::Tx};

/// Carriers wait for a second; a call that takes longer was begun long before the refusal.
const PATIENCE: Duration = Duration::from_millis(800);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// Class of the advisory locks on persons, by the hash of their number, on PostgreSQL: "PHOO".
const CONSENT: i32 = 0x5048_4f4f;

/// Whose hand-overs a refusal ends.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// All of this organisation's, from whatever sender.
    pub organization: OrganizationId,
    /// Account and address of a sender whose hand-overs end for everybody who uses it.
    pub sender: Option<(&'a str, &'a str)>,
}

/// Held by whoever checks the consent of these persons and then begins hand-overs, until those are on record: a refusal is
/// either seen by the check, or sees the hand-over.
pub async fn hold(ctx: &Ctx, tx: &Tx, persons: impl IntoIterator<Item = &str>) -> Result<()> {
    lock(ctx, tx, "pg_advisory_xact_lock_shared", persons).await
}

/// Held by whoever writes a refusal.
pub(super) async fn exclude(ctx: &Ctx, tx: &Tx, person: &str) -> Result<()> {
    lock(ctx, tx, "pg_advisory_xact_lock", [person]).await
}

/// SQLite has one writer at a time anyway.
async fn lock(ctx: &Ctx, tx: &Tx, function: &str, persons: impl IntoIterator<Item = &str>) -> Result<()> {
    let persons: Vec<Value> = persons.into_iter().map(Value::from).collect();
    if persons.is_empty() || ctx.hub.db.is_sqlite() {
        return Ok(());
    }
    let rows: Vec<String> = (1..=persons.len()).map(|n| format!("(${n})")).collect();
    let sql = format!(
        "SELECT {function}({CONSENT}, key) FROM (SELECT DISTINCT hashtext(person) AS key \
         FROM (VALUES {}) AS persons (person)) AS keys",
        rows.join(", ")
    );
    tx.execute_raw(ctx.hub.db.sql(sql, persons)).await?;
    Ok(())
}

/// After a refusal is in force: waits until no hand-over to this person that it ends is under way, for 0.8 s at most. Trouble
/// with the database ends the wait: the refusal itself is stored.
pub async fn wait(ctx: &Ctx, reach: Reach<'_>, person: &str) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && is_under_way(ctx, reach, person).await.unwrap_or(false) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whatever the message's status is: one that is UNKNOWN may be handed over once more.
async fn is_under_way(ctx: &Ctx, reach: Reach<'_>, person: &str) -> Result<bool> {
    let (account, sender) = reach.sender.unwrap_or_default();
    // The state is a literal, so that the partial index `attempts_under_way` answers.
    let sql = "SELECT 1 FROM attempts JOIN messages ON messages.id = attempts.message_id \
               WHERE attempts.state = 'STARTED' AND messages.recipient = $1 AND (messages.organization_id = $2 \
               OR (messages.account = $3 AND messages.sender = $4)) LIMIT 1";
    let values = [person.into(), reach.organization.into(), account.into(), sender.into()];
    Ok(ctx.db().query_one_raw(ctx.hub.db.sql(sql, values)).await?.is_some())
}

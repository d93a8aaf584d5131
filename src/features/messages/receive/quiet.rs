//! The last step of a STOP. Consent is checked in the transaction before the carrier is called, so a message that passed
//! the check just before the STOP may still be on its way to the carrier: the STOP is acknowledged when it is there.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;

use crate::base::{ctx::Ctx, error::Result};

/// Carriers wait for a second; a call that takes longer was begun long before the STOP.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until no hand-over from this sender to this person is under way, or for half a second. Trouble with the database
/// ends the wait: the refusal itself is stored.
pub(super) async fn wait(ctx: &Ctx, account: &str, sender: &str, person: &str) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && is_under_way(ctx, account, sender, person).await.unwrap_or(false) {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn is_under_way(ctx: &Ctx, account: &str, sender: &str, person: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM messages JOIN attempts ON attempts.message_id = messages.id \
               WHERE messages.account = $1 AND messages.sender = $2 AND messages.recipient = $3 \
               AND messages.status = 'SENDING' AND attempts.state = 'STARTED' LIMIT 1";
    let statement = ctx.hub.db.sql(sql, [account.into(), sender.into(), person.into()]);
    Ok(ctx.db().query_one_raw(statement).await?.is_some())
}

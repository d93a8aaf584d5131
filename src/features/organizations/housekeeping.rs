//! Forgets what no longer opens anything: ended sessions, used links, old counters. Run from time to time by `app`.

use chrono::Duration;

use super::throttle::WINDOW;
use crate::base::{ctx::Ctx, error::Result, forget::forget_before};

/// How long ended sessions and links stay, to be looked at after an incident.
const KEPT: Duration = Duration::days(30);

/// What ended before a time; tokens before the sessions that they belong to.
const ENDED: [&str; 5] = [
    "DELETE FROM refresh_tokens WHERE id IN (SELECT id FROM refresh_tokens WHERE session_id IN \
     (SELECT id FROM sessions WHERE expires_at < $1 UNION SELECT id FROM sessions WHERE revoked_at < $1) LIMIT $2)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE revoked_at < $1 LIMIT $2)",
    "DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at < $1 LIMIT $2)",
    "DELETE FROM password_resets WHERE id IN (SELECT id FROM password_resets WHERE expires_at < $1 LIMIT $2)",
];
const COUNTED: &str =
    "DELETE FROM throttles WHERE key IN (SELECT key FROM throttles WHERE window_start < $1 LIMIT $2)";

/// Removes rows that ended long ago; gives how many. What happened stays in the audit log.
pub async fn forget_ended(ctx: &Ctx) -> Result<u64> {
    let mut gone = 0;
    for delete in ENDED {
        gone += forget_before(&ctx.hub, delete, ctx.now() - KEPT).await?;
    }
    Ok(gone + forget_before(&ctx.hub, COUNTED, ctx.now() - WINDOW).await?)
}

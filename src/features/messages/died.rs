//! What a message shows when the work of handing it over died: nothing more happens to it by itself, so it is UNKNOWN and
//! waits for a person, who redrives the job or resolves the message.

use entity::{
    enums::{AttemptState, MessageStatus, TimelineKind},
    ids::MessageId,
};
use serde_json::{Value, json};

use super::{
    attempt,
    deliver::{self, Payload},
    status::{self, Change},
    timeline,
};
use crate::base::{ctx::Ctx, error::Result, jobs::Lease, tx::Tx};

/// Our own words for a message whose job died.
const GIVEN_UP: &str =
    "PhoneHub itself failed to hand the message over and gave up. Resolve it, or redrive its job.";

/// The same in the timeline and of an attempt; what went wrong is shown to admins, in `deadJobs`.
const WHY: &str = "the work of handing it over died";

/// Tells of a dead `deliver` job; answers the data with which it runs when it is redriven. A call that may have reached the
/// carrier is left to `reconcile`, and redriving sends nothing.
pub(super) async fn hand_over(ctx: &Ctx, tx: &Tx, lease: &Lease) -> Result<Value> {
    let unchanged = lease.job.payload.clone();
    let Ok(id) = lease.job.subject.parse::<MessageId>() else { return Ok(unchanged) };
    let payload: Payload = serde_json::from_value(unchanged.clone()).unwrap_or_default();
    let message = status::locked(tx, id).await?;
    let Some(message) = message.filter(|message| deliver::may_be_sent(message, &payload)) else {
        return Ok(unchanged);
    };
    match attempt::last(&**tx, id).await? {
        Some(last) if last.state == AttemptState::Started => {
            deliver::put_in_doubt(ctx, tx, last, WHY).await?;
            return Ok(unchanged);
        }
        Some(last)
            if matches!(last.state, AttemptState::InDoubt | AttemptState::Accepted) && !payload.resend =>
        {
            return Ok(unchanged);
        }
        _ => {}
    }
    let detail = json!({ "job": lease.job.id, "tries": lease.job.tries, "why": WHY });
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::Held, detail)]).await?;
    let change = Change {
        status: Some(MessageStatus::Unknown),
        error: Some((None, GIVEN_UP.to_owned())),
        ..Change::default()
    };
    status::apply(ctx, tx, message, change).await?;
    Ok(serde_json::to_value(Payload { resend: true })?)
}

#[cfg(test)]
mod tests;

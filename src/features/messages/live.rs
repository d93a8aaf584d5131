//! The organisation's event log as a stream that a client can leave and resume: replayed from a cursor, then live,
//! without a gap or a repetition. Chooses nothing: what a subscription shows is its own affair.

use entity::ids::OrganizationId;
use futures_util::{Stream, StreamExt};

use crate::{
    base::{
        caller::Permission,
        ctx::{Ctx, Hub},
        error::Result,
        events::{self, Event},
    },
    graphql::cursor,
};

/// An event with the cursor that resumes right behind it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Opaque; for `after` of every subscription of the same organisation.
    pub cursor: String,
    /// What happened.
    pub event: Event,
}

/// Events after the cursor, or from now on. `INVALID_CURSOR` when it is not one of this log; a stream that begins with
/// `CURSOR_TOO_OLD` when the log no longer reaches back to it.
pub async fn follow(
    ctx: &Ctx,
    after: Option<&str>,
) -> Result<impl Stream<Item = Result<Live>> + Send + use<>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let after = match after {
        Some(cursor) => Some(position_of(ctx, organization, cursor).await?),
        None => None,
    };
    let hub = ctx.hub.clone();
    let events = hub.feeds.subscribe(organization, after).await?;
    Ok(events.map(move |event| {
        let event = event?;
        let cursor = cursor::seal(&hub.token_keys, &list(&hub, organization), &event.position.to_be_bytes());
        Ok(Live { cursor, event })
    }))
}

/// The place in the log. One that lies ahead of it comes from another life of the database, such as a copy of its file.
async fn position_of(ctx: &Ctx, organization: OrganizationId, text: &str) -> Result<i64> {
    let place = cursor::open(&ctx.hub.token_keys, &list(&ctx.hub, organization), text)?;
    let position = i64::from_be_bytes(place.try_into().map_err(|_| cursor::invalid())?);
    if position > events::last_position(ctx.db(), organization).await? {
        return Err(cursor::invalid());
    }
    Ok(position)
}

/// Positions mean something else after a restore, so cursors of before are none of this log.
fn list(hub: &Hub, organization: OrganizationId) -> String {
    match hub.log_life.as_str() {
        "" => format!("{organization}/events"),
        life => format!("{organization}/events/{life}"),
    }
}

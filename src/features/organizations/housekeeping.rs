//! Forgets what no longer opens anything: ended sessions, used links, old counters. Run from time to time by `app`.

use chrono::Duration;
use entity::{invitation, password_reset, refresh_token, session, throttle};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::throttle::WINDOW;
use crate::base::{ctx::Ctx, error::Result};

/// How long ended sessions and links stay, to be looked at after an incident.
const KEPT: Duration = Duration::days(30);

/// Removes rows that ended long ago; gives how many. What happened stays in the audit log.
pub async fn forget_ended(ctx: &Ctx) -> Result<u64> {
    let before = ctx.now() - KEPT;
    let ended = Condition::any()
        .add(session::Column::ExpiresAt.lt(before))
        .add(session::Column::RevokedAt.lt(before));
    let sessions =
        session::Entity::find().select_only().column(session::Column::Id).filter(ended.clone()).into_query();
    let tx = ctx.begin().await?;
    let of_sessions = refresh_token::Column::SessionId.in_subquery(sessions);
    let mut gone = refresh_token::Entity::delete_many().filter(of_sessions).exec(&*tx).await?.rows_affected;
    gone += session::Entity::delete_many().filter(ended).exec(&*tx).await?.rows_affected;
    let useless = invitation::Column::ExpiresAt.lt(before);
    gone += invitation::Entity::delete_many().filter(useless).exec(&*tx).await?.rows_affected;
    let useless = password_reset::Column::ExpiresAt.lt(before);
    gone += password_reset::Entity::delete_many().filter(useless).exec(&*tx).await?.rows_affected;
    let over = throttle::Column::WindowStart.lt(ctx.now() - WINDOW);
    gone += throttle::Entity::delete_many().filter(over).exec(&*tx).await?.rows_affected;
    tx.commit().await?;
    Ok(gone)
}

//! How long an organisation's things are kept: its own wish, else the installation's default. `setRetention` changes the
//! wish; deleting is the sweep's affair.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::Duration;
use entity::organization;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, QuerySelect};
use serde_json::json;

use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::{Ctx, Hub},
        error::{Error, Result},
        start::set_system_setting,
    },
    config::Config,
};

/// Where the database finds the installation's default for audit entries; its trigger reads it.
const AUDIT_DAYS: &str = "audit_days";
/// The longest time that can be asked for.
const MOST: i32 = 36_500;

/// What can be kept for a time, each with the least days.
const MESSAGES: i32 = 7;
const MEDIA: i32 = 1;
const AUDIT: i32 = 30;
const EVENTS: i32 = 1;

/// How long to keep what, in days. Null goes back to the installation's default; what is left out stays.
#[derive(Debug, Default, InputObject)]
pub struct SetRetentionInput {
    /// Messages and all that is known of them, 7 to 36,500. Not shorter than events.
    pub message_days: MaybeUndefined<i32>,
    /// Files of messages, 1 to 36,500.
    pub media_days: MaybeUndefined<i32>,
    /// Audit entries, 30 to 36,500.
    pub audit_days: MaybeUndefined<i32>,
    /// Events for replay, 1 to 36,500.
    pub event_days: MaybeUndefined<i32>,
}

/// How long an organisation's things are kept now. `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Messages and all that is known of them.
    pub messages: Option<Duration>,
    /// Files of messages.
    pub media: Option<Duration>,
    /// Audit entries.
    pub audit: Duration,
    /// Events.
    pub events: Duration,
}

impl Kept {
    /// The organisation's wish, else the installation's default.
    pub fn of(row: &organization::Model, config: &Config) -> Self {
        let wish = |days: Option<i32>| days.map(|days| Duration::days(days.into()));
        let retention = &config.retention;
        Self {
            messages: wish(row.message_days).or(retention.messages.map(duration)),
            media: wish(row.media_days).or(retention.media.map(duration)),
            audit: wish(row.audit_days).unwrap_or_else(|| Duration::days(default_audit_days(config).into())),
            events: wish(row.event_days).unwrap_or_else(|| duration(config.event_retention)),
        }
    }
}

fn duration(time: std::time::Duration) -> Duration {
    Duration::from_std(time).unwrap_or_else(|_| Duration::days(MOST.into()))
}

/// The installation's default in whole days, since the database counts in them; rather longer than shorter.
pub fn default_audit_days(config: &Config) -> i32 {
    whole_days(duration(config.retention.audit))
}

/// Days, rounded up.
pub fn whole_days(time: Duration) -> i32 {
    let days = time.num_days() + i64::from(time > Duration::days(time.num_days()));
    i32::try_from(days).unwrap_or(MOST)
}

/// Changes how long the organisation's things are kept. `BAD_USER_INPUT` where a replayed event would name a message that
/// is gone.
pub async fn set(ctx: &Ctx, input: SetRetentionInput) -> Result<organization::Model> {
    let id = ctx.require(Permission::DataManage)?;
    check(input.message_days, MESSAGES, "messageDays")?;
    check(input.media_days, MEDIA, "mediaDays")?;
    check(input.audit_days, AUDIT, "auditDays")?;
    check(input.event_days, EVENTS, "eventDays")?;
    let tx = ctx.begin().await?;
    let row = organization::Entity::find_by_id(id).lock_exclusive().one(&*tx).await?;
    let before = row.ok_or_else(Error::not_found)?;
    let row = organization::Model {
        message_days: merged(before.message_days, input.message_days),
        media_days: merged(before.media_days, input.media_days),
        audit_days: merged(before.audit_days, input.audit_days),
        event_days: merged(before.event_days, input.event_days),
        ..before
    };
    let kept = Kept::of(&row, &ctx.hub.config);
    if kept.messages.is_some_and(|messages| messages < kept.events) {
        let text = "Messages cannot be kept shorter than the events that tell of them.";
        return Err(Error::input(&["messageDays"], text));
    }
    let row = row.into_active_model().reset_all().update(&*tx).await?;
    let detail = json!({
        "messageDays": row.message_days, "mediaDays": row.media_days,
        "auditDays": row.audit_days, "eventDays": row.event_days,
    });
    audit::record(ctx, &*tx, "setRetention", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(row)
}

fn check(days: MaybeUndefined<i32>, least: i32, field: &'static str) -> Result<()> {
    match days {
        MaybeUndefined::Value(days) if !(least..=MOST).contains(&days) => {
            Err(Error::input(&[field], format!("Give {least} to 36,500 days, or null for the default.")))
        }
        _ => Ok(()),
    }
}

fn merged(before: Option<i32>, wish: MaybeUndefined<i32>) -> Option<i32> {
    match wish {
        MaybeUndefined::Undefined => before,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(days) => Some(days),
    }
}

/// Tells the database the installation's default for audit entries, which guards them by it.
pub async fn publish(ctx: &Ctx) -> Result<()> {
    let days = default_audit_days(&ctx.hub.config).to_string();
    if published(&ctx.hub).await?.as_deref() == Some(days.as_str()) {
        return Ok(());
    }
    let tx = ctx.begin().await?;
    set_system_setting(&tx, AUDIT_DAYS, days).await?;
    tx.commit().await
}

async fn published(hub: &Hub) -> Result<Option<String>> {
    let row = entity::system_setting::Entity::find_by_id(AUDIT_DAYS).one(hub.db.read()).await?;
    Ok(row.map(|row| row.value))
}

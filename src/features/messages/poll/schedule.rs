//! When to ask the carrier about a message. Pure.

use chrono::{DateTime, Duration, Utc};
use entity::{enums::Direction, message};
use serde::{Deserialize, Serialize};

/// The longest pause between two questions about a status.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_hours(1);
/// A message of this age keeps the status that it has.
const GIVE_UP_AFTER: Duration = Duration::days(3);
/// Minutes between the end of a message and the questions for its price, which carriers know some time after (carriers.md).
const PRICE_AFTER: [i64; 5] = [1, 5, 30, 120, 720];

/// How often was asked, as the job remembers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Progress {
    /// For the status.
    status: u32,
    /// For the price, since the status is final.
    price: u32,
}

impl Progress {
    /// One more question, counted by what was open when it was asked.
    #[must_use]
    pub(super) const fn after(self, was_final: bool) -> Self {
        if was_final {
            Self { price: self.price.saturating_add(1), ..self }
        } else {
            Self { status: self.status.saturating_add(1), ..self }
        }
    }
}

/// Whether there is anything to ask: a status that may rise, or a price.
pub(super) fn is_open(message: &message::Model) -> bool {
    message.direction == Direction::Outbound && (!message.status.is_final() || message.price_micros.is_none())
}

/// The time of the next question; `None` when all is known or it is no use to go on. `poll_after` is the first pause, which
/// doubles.
pub(super) fn next(
    message: &message::Model,
    progress: Progress,
    poll_after: std::time::Duration,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if !is_open(message) || message.carrier_message_id.is_none() {
        return None;
    }
    if message.status.is_final() {
        let step = usize::try_from(progress.price).ok()?;
        return PRICE_AFTER.get(step).map(|minutes| now + Duration::minutes(*minutes));
    }
    let begun = message.scheduled_at.unwrap_or(message.created_at).max(message.created_at);
    (now < begun + GIVE_UP_AFTER).then(|| now + pause(progress.status, poll_after))
}

fn pause(asked: u32, first: std::time::Duration) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(asked).unwrap_or(u32::MAX));
    let most = LONGEST_PAUSE.max(first);
    Duration::from_std(doubled.min(most)).unwrap_or(GIVE_UP_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: std::time::Duration = std::time::Duration::from_mins(5);

    fn pauses() -> Vec<i64> {
        (0..7).map(|asked| pause(asked, FIRST).num_minutes()).collect()
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(pauses(), [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(pause(u32::MAX, FIRST), Duration::hours(1));
        let slow = std::time::Duration::from_hours(24);
        assert_eq!(pause(3, slow), Duration::hours(24), "a setting longer than an hour stands");
    }

    #[test]
    fn questions_are_counted_by_what_was_open() {
        let asked = Progress::default().after(false).after(false).after(true);
        assert_eq!(asked, Progress { status: 2, price: 1 });
    }
}

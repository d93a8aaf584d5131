//! Who was answered lately, for the gauge of active users. Forgets on restart; decides nothing.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::caller::Caller;

/// How long somebody counts as active after the last request.
const WINDOW: Duration = Duration::minutes(15);

/// Users and API keys with the time of their last request.
#[derive(Debug, Default)]
pub struct Presence(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    last: HashMap<Uuid, DateTime<Utc>>,
    swept: DateTime<Utc>,
}

impl Seen {
    /// Forgets who is away; the map never holds more than two windows' worth of people.
    fn sweep(&mut self, now: DateTime<Utc>) {
        self.last.retain(|_, last| now - *last < WINDOW);
        self.swept = now;
    }
}

impl Presence {
    /// Notes a request of a person or a key; anonymous callers and our own work are nobody.
    pub fn note(&self, caller: &Caller, now: DateTime<Utc>) {
        let who = caller.user_id().map(|id| id.0).or_else(|| caller.api_key_id().map(|id| id.0));
        let Some(who) = who else { return };
        let mut seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.last.insert(who, now);
        if now - seen.swept > WINDOW {
            seen.sweep(now);
        }
    }

    /// How many were seen within the last 15 minutes.
    pub fn active(&self, now: DateTime<Utc>) -> usize {
        let mut seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.sweep(now);
        seen.last.len()
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::{ApiKeyId, OrganizationId};

    use super::*;
    use crate::base::caller::KeyHolder;

    fn key() -> Caller {
        Caller::Key(KeyHolder {
            api_key_id: ApiKeyId::new(),
            organization_id: OrganizationId::new(),
            scopes: Vec::new(),
            expires_at: None,
        })
    }

    #[test]
    fn somebody_counts_once_and_for_a_quarter_of_an_hour() {
        let presence = Presence::default();
        let start = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let (one, two) = (key(), key());
        presence.note(&Caller::Anonymous, start);
        presence.note(&one, start);
        presence.note(&one, start + Duration::minutes(1));
        presence.note(&two, start + Duration::minutes(14));
        assert_eq!(presence.active(start + Duration::minutes(14)), 2);
        assert_eq!(presence.active(start + Duration::minutes(17)), 1);
        assert_eq!(presence.active(start + Duration::minutes(30)), 0);
    }
}

//! Many principals at once: which of them still stand, in one query a kind however many there are. What follows for
//! those who do not is the asker's matter; `auth` admits them one by one.

use std::collections::HashMap;

use entity::{
    api_key,
    enums::Role,
    ids::{ApiKeyId, OrganizationId, SessionId, UserId},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    auth,
    caller::{Caller, Member},
    ctx::Hub,
    error::Result,
};

/// A session that was not revoked, with its user's place in its organisation.
#[derive(Debug, FromQueryResult)]
struct Seat {
    id: SessionId,
    user_id: UserId,
    organization_id: OrganizationId,
    role: Role,
    is_operator: bool,
}

/// What the database says of principals at one moment.
#[derive(Debug)]
pub struct Standings {
    seats: HashMap<SessionId, Seat>,
    keys: HashMap<ApiKeyId, api_key::Model>,
}

impl Standings {
    /// Asks about all of these callers.
    pub async fn of<'a>(hub: &Hub, callers: impl Iterator<Item = &'a Caller>) -> Result<Self> {
        let (mut sessions, mut keys) = (Vec::new(), Vec::new());
        for caller in callers {
            match caller {
                Caller::Member(member) => sessions.push(member.session_id.0),
                Caller::Key(key) => keys.push(key.api_key_id.0),
                Caller::Anonymous | Caller::System(_) | Caller::Administrator => {}
            }
        }
        let seats: Vec<Seat> = rows(
            hub,
            "SELECT sessions.id, sessions.user_id, sessions.organization_id, memberships.role, users.is_operator \
             FROM sessions JOIN users ON users.id = sessions.user_id \
             JOIN memberships ON memberships.user_id = sessions.user_id \
             AND memberships.organization_id = sessions.organization_id \
             WHERE sessions.revoked_at IS NULL AND sessions.id IN",
            &sessions,
        )
        .await?;
        let keys: Vec<api_key::Model> = rows(hub, "SELECT * FROM api_keys WHERE id IN", &keys).await?;
        Ok(Self {
            seats: seats.into_iter().map(|seat| (seat.id, seat)).collect(),
            keys: keys.into_iter().map(|key| (key.id, key)).collect(),
        })
    }

    /// Whether a caller may do exactly what it might when it was admitted. It must be one that was asked about.
    pub fn stands(&self, hub: &Hub, caller: &Caller) -> bool {
        self.now(hub, caller).is_some_and(|now| now.class() == caller.class())
    }

    /// The caller as it would be admitted now; none that was revoked, removed or has expired.
    pub fn now(&self, hub: &Hub, caller: &Caller) -> Option<Caller> {
        if is_over(hub, caller) {
            return None;
        }
        match caller {
            Caller::Member(member) => self.member(member),
            Caller::Key(key) => auth::live_key(hub, self.keys.get(&key.api_key_id).cloned()).ok(),
            other => Some(other.clone()),
        }
    }

    fn member(&self, known: &Member) -> Option<Caller> {
        let seat = self.seats.get(&known.session_id)?;
        let is_same = seat.user_id == known.user_id && seat.organization_id == known.organization_id;
        is_same.then(|| {
            Caller::Member(Member { role: seat.role, is_operator: seat.is_operator, ..known.clone() })
        })
    }
}

/// Whether a principal has ended by itself, which needs no database to know.
pub fn is_over(hub: &Hub, caller: &Caller) -> bool {
    caller.expires_at().is_some_and(|end| end <= hub.clock.now())
}

/// The rows of these ids. They travel as one value, so that the statement is the same for any number of them.
async fn rows<T: FromQueryResult>(hub: &Hub, select: &str, ids: &[Uuid]) -> Result<Vec<T>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let list = if hub.db.is_sqlite() {
        "(SELECT unhex(value) FROM json_each($1))"
    } else {
        "(SELECT CAST(value AS uuid) FROM jsonb_array_elements_text(CAST($1 AS jsonb)) AS ids (value))"
    };
    let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    let statement = hub.db.sql(format!("{select} {list}"), [serde_json::to_string(&ids)?.into()]);
    Ok(T::find_by_statement(statement).all(hub.db.read()).await?)
}

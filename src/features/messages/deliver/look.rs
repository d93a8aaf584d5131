//! What a hand-over reads before anything else. Jobs that were claimed together share the reads.

use std::{collections::HashMap, sync::Arc};

use entity::{carrier_config, ids::MessageId, message};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    base::{
        ctx::Hub,
        error::Result,
        group::{Group, Grouped},
        switches,
    },
    features::organizations::suspend,
};

/// Where hand-overs meet that look.
type Looks = Group<Look>;

/// A message with what decides about it.
#[derive(Debug)]
pub(super) struct Seen {
    pub message: message::Model,
    /// Of the message; none when it was deleted.
    pub config: Option<carrier_config::Model>,
    /// Nothing may be sent now.
    pub is_paused: bool,
    /// Its organisation may send nothing now.
    pub is_suspended: bool,
}

/// A message as it is now; `None` when it does not exist (any more).
pub(super) async fn look(hub: &Arc<Hub>, message: MessageId) -> Result<Option<Seen>> {
    hub.parts.of::<Looks>().join(Look { hub: hub.clone(), message }).await
}

struct Look {
    hub: Arc<Hub>,
    message: MessageId,
}

impl Grouped for Look {
    type Answer = Option<Seen>;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        let Some(db) = group.first().map(|first| first.hub.db.read()) else { return Ok(Vec::new()) };
        let is_paused = switches::is_sending_paused(db).await?;
        let ids = group.iter().map(|look| look.message);
        let messages = message::Entity::find().filter(message::Column::Id.is_in(ids)).all(db).await?;
        let configs = messages.iter().filter_map(|message| message.carrier_config_id);
        let configs = carrier_config::Entity::find().filter(carrier_config::Column::Id.is_in(configs));
        let configs: HashMap<_, _> = configs.all(db).await?.into_iter().map(|row| (row.id, row)).collect();
        let owners = messages.iter().map(|message| message.organization_id);
        let suspended = suspend::suspended(db, owners).await?;
        let messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
        let seen = |look: &&Self| {
            let message = messages.get(&look.message).cloned()?;
            let config = message.carrier_config_id.and_then(|id| configs.get(&id).cloned());
            let is_suspended = suspended.contains(&message.organization_id);
            Some(Seen { message, config, is_paused, is_suspended })
        };
        Ok(group.iter().map(seen).collect())
    }
}

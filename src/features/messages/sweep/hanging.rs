//! Messages that the carrier has, that are not final, and that no job asks about.

use std::{collections::HashSet, ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use entity::{ids::MessageId, job, message};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::Result,
        tx::Tx,
    },
    features::messages::poll,
};

/// Messages looked at in one statement and planned in one transaction.
const BATCH: i64 = 200;

/// Plans a question about each message that last changed in this span; answers how many that were.
pub(super) async fn plan_polls(hub: &Arc<Hub>, changed: Range<DateTime<Utc>>) -> Result<usize> {
    let mut planned = 0;
    let mut after = (changed.start, MessageId(Uuid::nil()));
    loop {
        let batch = batch(hub, after, changed.end).await?;
        let Some(last) = batch.last() else { return Ok(planned) };
        after = (last.updated_at, last.id);
        planned += plan(hub, without_job(hub, batch).await?).await?;
    }
}

async fn batch(
    hub: &Arc<Hub>,
    (changed, id): (DateTime<Utc>, MessageId),
    until: DateTime<Utc>,
) -> Result<Vec<message::Model>> {
    // The words are literals, not parameters: only so SQLite knows that the partial index `messages_hanging` fits.
    let sql = "SELECT * FROM messages WHERE status IN ('SENDING', 'SENT') AND carrier_message_id IS NOT NULL \
               AND (updated_at, id) > ($1, $2) AND updated_at < $3 ORDER BY updated_at, id LIMIT $4";
    let statement = hub.db.sql(sql, [changed.into(), id.into(), until.into(), BATCH.into()]);
    Ok(message::Model::find_by_statement(statement).all(hub.db.read()).await?)
}

async fn without_job(hub: &Arc<Hub>, messages: Vec<message::Model>) -> Result<Vec<message::Model>> {
    let subjects: Vec<String> = messages.iter().map(|message| message.id.to_string()).collect();
    let asked: Vec<String> = job::Entity::find()
        .select_only()
        .column(job::Column::Subject)
        .filter(job::Column::Kind.eq(poll::KIND))
        .filter(job::Column::Subject.is_in(subjects))
        .into_tuple()
        .all(hub.db.read())
        .await?;
    let asked: HashSet<String> = asked.into_iter().collect();
    Ok(messages.into_iter().filter(|message| !asked.contains(&message.id.to_string())).collect())
}

async fn plan(hub: &Arc<Hub>, messages: Vec<message::Model>) -> Result<usize> {
    if messages.is_empty() {
        return Ok(0);
    }
    let tx = Tx::begin(hub).await?;
    for message in &messages {
        let ctx = Ctx::system(hub.clone(), message.organization_id);
        poll::ask_now(&ctx, &tx, message).await?;
    }
    tx.commit().await?;
    Ok(messages.len())
}

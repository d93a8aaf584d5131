//! Receipts that came before their message was known: claimed when the carrier's id is learnt, and by the sweep when both
//! were written at the same moment and neither saw the other.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use entity::{
    ids::{MessageId, ReceiptId},
    message, receipt,
};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, sea_query::Expr};

use super::{Told, tell};
use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::{Error, Result},
        tx::Tx,
    },
    carriers::messaging::RemoteStatus,
    features::messages::status,
};

/// Attaches what waits for this message, oldest first; answers the message as it is then. The caller holds its lock.
pub async fn claim_parked(ctx: &Ctx, tx: &Tx, message: message::Model) -> Result<message::Model> {
    let mut claimed = claim_parked_all(ctx, tx, vec![message]).await?;
    claimed.pop().ok_or_else(|| Error::internal("one message stays one"))
}

/// The same for several messages, in their order.
pub async fn claim_parked_all(
    ctx: &Ctx,
    tx: &Tx,
    messages: Vec<message::Model>,
) -> Result<Vec<message::Model>> {
    if messages.is_empty() {
        return Ok(messages);
    }
    let sids = messages.iter().filter_map(|message| message.carrier_message_id.as_deref());
    let accounts: BTreeSet<&str> = messages.iter().map(|message| message.account.as_str()).collect();
    let mut waiting: HashMap<(String, String), Vec<receipt::Model>> = HashMap::new();
    let parked = receipt::Entity::find()
        .filter(receipt::Column::Account.is_in(accounts))
        .filter(receipt::Column::CarrierMessageId.is_in(sids))
        .filter(receipt::Column::MessageId.is_null())
        .order_by_asc(receipt::Column::Id);
    for receipt in parked.all(&**tx).await? {
        let of = (receipt.account.clone(), receipt.carrier_message_id.clone());
        waiting.entry(of).or_default().push(receipt);
    }
    let mut claimed = Vec::with_capacity(messages.len());
    for message in messages {
        let of = (message.account.clone(), message.carrier_message_id.clone().unwrap_or_default());
        claimed.push(match waiting.remove(&of) {
            Some(receipts) => told_all(ctx, tx, message, receipts).await?,
            None => message,
        });
    }
    Ok(claimed)
}

async fn told_all(
    ctx: &Ctx,
    tx: &Tx,
    mut message: message::Model,
    receipts: Vec<receipt::Model>,
) -> Result<message::Model> {
    attach(tx, &message, receipts.iter().map(|receipt| receipt.id)).await?;
    for receipt in receipts {
        message = tell(ctx, tx, message, Told::from(receipt)).await?;
    }
    Ok(message)
}

/// Parks the receipts of this id again: they were attached to a message that took the id for its own. The caller holds the
/// message's lock.
pub async fn park_again(tx: &Tx, message: &message::Model, sid: &str) -> Result<()> {
    receipt::Entity::update_many()
        .col_expr(receipt::Column::MessageId, Expr::value(Option::<MessageId>::None))
        .filter(receipt::Column::Account.eq(&message.account))
        .filter(receipt::Column::CarrierMessageId.eq(sid))
        .filter(receipt::Column::MessageId.eq(message.id))
        .exec(&**tx)
        .await?;
    Ok(())
}

async fn attach(tx: &Tx, message: &message::Model, receipts: impl Iterator<Item = ReceiptId>) -> Result<()> {
    receipt::Entity::update_many()
        .col_expr(receipt::Column::MessageId, Expr::value(message.id))
        .col_expr(receipt::Column::OrganizationId, Expr::value(message.organization_id))
        .filter(receipt::Column::Id.is_in(receipts))
        .exec(&**tx)
        .await?;
    Ok(())
}

impl From<receipt::Model> for Told {
    fn from(row: receipt::Model) -> Self {
        let error_message = row.raw.get("ErrorMessage").and_then(|text| text.as_str()).map(str::to_owned);
        Self {
            carrier_message_id: row.carrier_message_id,
            status: RemoteStatus::parse(&row.carrier_status),
            error_code: row.error_code,
            error_message,
        }
    }
}

#[derive(Debug, FromQueryResult)]
struct Waiting {
    message_id: MessageId,
}

/// Attaches receipts parked since a time whose message is known by now; answers how many messages that were.
pub async fn attach_parked(hub: &Arc<Hub>, since: DateTime<Utc>) -> Result<usize> {
    let sql = "SELECT DISTINCT messages.id AS message_id FROM receipts JOIN messages \
               ON messages.account = receipts.account AND messages.carrier_message_id = receipts.carrier_message_id \
               WHERE receipts.message_id IS NULL AND receipts.created_at > $1 AND messages.direction = 'OUTBOUND'";
    let statement = hub.db.sql(sql, [since.into()]);
    let waiting = Waiting::find_by_statement(statement).all(hub.db.read()).await?;
    let mut attached = 0;
    for Waiting { message_id } in waiting {
        match attach_to(hub, message_id).await {
            Ok(()) => attached += 1,
            Err(error) => {
                tracing::warn!(message = %message_id, %error, "parked receipts could not be attached");
            }
        }
    }
    Ok(attached)
}

async fn attach_to(hub: &Arc<Hub>, id: MessageId) -> Result<()> {
    let tx = Tx::begin(hub).await?;
    if let Some(message) = status::locked(&tx, id).await? {
        let ctx = Ctx::system(hub.clone(), message.organization_id);
        claim_parked(&ctx, &tx, message).await?;
    }
    tx.commit().await
}

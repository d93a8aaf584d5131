//! Delivery receipts: every one is kept; one whose message is known raises its status, one whose message is not known yet
//! is parked until it is. The carrier is not called here.

mod parked;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use entity::{
    attempt, carrier_config,
    enums::{Direction, MessageStatus, TimelineKind},
    ids::{AttemptId, MessageId, OrganizationId, ReceiptId},
    message, receipt,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use serde_json::json;

pub use self::parked::{attach_parked, claim_parked_all, park_again};
use super::{
    attempt::{self as attempts, Evidence},
    poll,
    status::{self, Change},
    timeline,
};
use crate::{
    base::{
        ctx::{Ctx, Hub},
        error::{Error, ErrorCode, Result},
        tx::Tx,
    },
    carriers::{RetryClass, error, messaging::RemoteStatus, twilio::StatusCallback},
    features::{contacts::opt_outs, organizations::organization},
};

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Its message is known and was told.
    Applied(MessageId),
    /// It waits for its message.
    Parked,
}

/// A receipt with everything that came along.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// From the callback's address: the attempt that handed the message over.
    pub attempt: Option<AttemptId>,
    /// What the carrier says.
    pub callback: StatusCallback,
    /// Every parameter as it came.
    pub raw: BTreeMap<String, String>,
}

/// Stores a receipt of a config and lets its message know. UNAVAILABLE when the database is, or when nobody's organisation
/// can keep a receipt of the system config.
pub async fn take(hub: &Arc<Hub>, config: &carrier_config::Model, receipt: Receipt) -> Result<Taken> {
    match take_once(hub, config, &receipt).await {
        // The carrier's id was found in a list, for another message, at the same moment; by now it is known for whom.
        Err(error) if error.code == ErrorCode::Internal => take_once(hub, config, &receipt).await,
        taken => taken,
    }
}

async fn take_once(hub: &Arc<Hub>, config: &carrier_config::Model, receipt: &Receipt) -> Result<Taken> {
    let sid = &receipt.callback.message_sid;
    let attempt = attempt_of(hub.db.read(), config, receipt.attempt).await?;
    let message = match &attempt {
        Some(attempt) => Some(attempt.message_id),
        None => message_of(hub.db.read(), config, sid).await?,
    };
    let Some(id) = message else { return park(hub, config, receipt).await };
    let tx = Tx::begin(hub).await?;
    // The lock comes first: a row that refers to the message would share it with another receipt's, and both would wait.
    let mut locked = match &attempt {
        Some(attempt) => attempts::locked_for(&tx, attempt, sid).await?,
        None => status::locked_all(&tx, [id]).await?,
    };
    // Without an attempt in the address, an id that was given to its owner meanwhile waits for him.
    let message =
        locked.remove(&id).filter(|row| attempt.is_some() || row.carrier_message_id.as_ref() == Some(sid));
    let Some(message) = message else {
        drop(tx);
        return park(hub, config, receipt).await;
    };
    let ctx = Ctx::system(hub.clone(), message.organization_id);
    let keeper = Keeper { organization_id: message.organization_id, message_id: Some(id) };
    store(&ctx.hub, &tx, config, receipt, keeper).await?;
    let told = Told::from(&receipt.callback);
    match attempt {
        Some(attempt) => prove(&ctx, &tx, attempt, &message, told).await?,
        None => drop(tell(&ctx, &tx, message, told).await?),
    }
    tx.commit().await?;
    Ok(Taken::Applied(id))
}

/// What a receipt says, whether it just came or was parked.
#[derive(Debug, Clone)]
struct Told {
    carrier_message_id: String,
    status: RemoteStatus,
    error_code: Option<i32>,
    error_message: Option<String>,
}

impl From<&StatusCallback> for Told {
    fn from(callback: &StatusCallback) -> Self {
        Self {
            carrier_message_id: callback.message_sid.clone(),
            status: callback.status.clone(),
            error_code: callback.error_code,
            error_message: callback.error_message.clone(),
        }
    }
}

impl Told {
    /// The failure in words: ours for a known code, else the carrier's. `None` unless the message failed.
    fn failure(&self) -> Option<(Option<i32>, String)> {
        let failed = matches!(
            status::of_remote(&self.status),
            Some(MessageStatus::Failed | MessageStatus::Undelivered | MessageStatus::Canceled)
        );
        failed.then(|| (self.error_code, self.words()))
    }

    fn words(&self) -> String {
        let known = self.error_code.and_then(error::explain).map(str::to_owned);
        known
            .or_else(|| self.error_message.clone())
            .unwrap_or_else(|| "The carrier gave no reason.".to_owned())
    }

    fn change(&self) -> Change {
        Change {
            status: status::of_remote(&self.status),
            carrier_status: Some(self.status.as_str().to_owned()),
            carrier_message_id: Some(self.carrier_message_id.clone()),
            error: self.failure(),
            ..Change::default()
        }
    }

    /// As the timeline shows it.
    fn detail(&self) -> serde_json::Value {
        json!({
            "carrierStatus": self.status.as_str(),
            "carrierMessageId": self.carrier_message_id,
            "errorCode": self.error_code,
            "text": self.error_code.map(|_| self.words()),
        })
    }

    fn is_opt_out(&self) -> bool {
        error::retry_after_delivery_failure(self.error_code) == RetryClass::OptOut
    }
}

/// A receipt by the attempt's own address: proof that the carrier has the message.
async fn prove(
    ctx: &Ctx,
    tx: &Tx,
    attempt: attempt::Model,
    message: &message::Model,
    told: Told,
) -> Result<()> {
    timeline::add(tx, message, ctx.now(), [(TimelineKind::Receipt, told.detail())]).await?;
    let evidence = Evidence {
        carrier_message_id: told.carrier_message_id.clone(),
        status: told.status.clone(),
        error: told.failure(),
        segments: None,
        source: attempts::Source::Callback,
    };
    let message = attempts::accepted(ctx, tx, attempt, evidence).await?;
    match message {
        Some(message) if told.is_opt_out() => opt_outs::record_carrier_refusal(ctx, tx, &message).await,
        _ => Ok(()),
    }
}

/// A receipt of a message whose id at the carrier is known: raises its status, and plans what is still to be asked.
async fn tell(ctx: &Ctx, tx: &Tx, message: message::Model, told: Told) -> Result<message::Model> {
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::Receipt, told.detail())]).await?;
    let message = status::apply(ctx, tx, message, told.change()).await?;
    if told.is_opt_out() {
        opt_outs::record_carrier_refusal(ctx, tx, &message).await?;
    }
    poll::plan(ctx, tx, &message).await?;
    Ok(message)
}

/// The attempt in the callback's address, when it was made on this account for whom the config serves.
async fn attempt_of(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    id: Option<AttemptId>,
) -> Result<Option<attempt::Model>> {
    let Some(id) = id else { return Ok(None) };
    let Some(attempt) = attempt::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let message = message::Entity::find_by_id(attempt.message_id).one(db).await?;
    Ok(message.filter(|message| serves(config, message)).map(|_| attempt))
}

async fn message_of(
    db: &impl ConnectionTrait,
    config: &carrier_config::Model,
    sid: &str,
) -> Result<Option<MessageId>> {
    let query = message::Entity::find()
        .filter(message::Column::Account.eq(&config.account))
        .filter(message::Column::CarrierMessageId.eq(sid))
        .filter(message::Column::Direction.eq(Direction::Outbound));
    Ok(query.one(db).await?.filter(|message| serves(config, message)).map(|message| message.id))
}

/// Whether a config can speak for a message: the same carrier account, and its own organisation unless it is the system's.
fn serves(config: &carrier_config::Model, message: &message::Model) -> bool {
    message.account == config.account
        && config.organization_id.is_none_or(|own| own == message.organization_id)
}

async fn park(hub: &Arc<Hub>, config: &carrier_config::Model, receipt: &Receipt) -> Result<Taken> {
    let keeper = keeper(hub.db.read(), config).await?;
    let tx = Tx::begin(hub).await?;
    store(hub, &tx, config, receipt, Keeper { organization_id: keeper, message_id: None }).await?;
    tx.commit().await?;
    Ok(Taken::Parked)
}

/// Whose a receipt is while its message is not known.
async fn keeper(db: &impl ConnectionTrait, config: &carrier_config::Model) -> Result<OrganizationId> {
    if let Some(own) = config.organization_id {
        return Ok(own);
    }
    let operator = organization::operator_organization(db).await?;
    let operator =
        operator.ok_or_else(|| Error::unavailable("no operator's organisation keeps this receipt"))?;
    Ok(operator.id)
}

/// Whose a stored receipt is.
struct Keeper {
    organization_id: OrganizationId,
    message_id: Option<MessageId>,
}

async fn store(
    hub: &Hub,
    tx: &Tx,
    config: &carrier_config::Model,
    receipt: &Receipt,
    keeper: Keeper,
) -> Result<()> {
    let callback = &receipt.callback;
    let row = receipt::ActiveModel {
        id: Set(ReceiptId::new()),
        organization_id: Set(keeper.organization_id),
        account: Set(config.account.clone()),
        carrier_message_id: Set(callback.message_sid.clone()),
        attempt_id: Set(receipt.attempt),
        message_id: Set(keeper.message_id),
        carrier_status: Set(callback.status.as_str().to_owned()),
        error_code: Set(callback.error_code),
        raw: Set(serde_json::to_value(&receipt.raw)?),
        created_at: Set(hub.clock.now()),
    };
    row.insert(&**tx).await?;
    Ok(())
}

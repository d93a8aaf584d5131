//! Whose a carrier's id is. Who found it in a list may have taken the copy of a message that looks the same; the carrier's
//! answer and the address of its callback name the attempt. Then the id goes to that one, and who had it is in doubt again.

use std::collections::HashMap;

use entity::{
    attempt,
    enums::{AttemptState, TimelineKind},
    ids::{AttemptId, MessageId},
    message,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{Evidence, Settled, ended, write_all};
use crate::{
    base::{ctx::Ctx, error::Result, tx::Tx},
    features::messages::{
        poll, receipts, reconcile,
        status::{self, Change},
        timeline,
    },
};

type Proof = (attempt::Model, Evidence);

/// Our own words for an attempt that lost the id it was thought to have.
const MISTAKEN: &str = "the copy in the carrier's list was another message's";

/// What proofs are about, under lock.
pub(super) struct Claims {
    /// The messages as they are now, and others that were concerned.
    pub messages: HashMap<MessageId, message::Model>,
    /// The proofs that hold, each with its attempt as it is now.
    pub proofs: Vec<Proof>,
}

/// Whether an attempt is known to have this id by better than a list: nothing is left to decide.
fn certain(attempt: &attempt::Model, sid: &str) -> bool {
    attempt.state == AttemptState::Accepted
        && !attempt.guessed
        && attempt.carrier_message_id.as_deref() == Some(sid)
}

/// Locks, before anything else, the messages that a proof of this id may change: the attempt's, and those that have the id.
pub async fn locked_for(
    tx: &Tx,
    attempt: &attempt::Model,
    sid: &str,
) -> Result<HashMap<MessageId, message::Model>> {
    let held = if certain(attempt, sid) { Vec::new() } else { holding(tx, [sid]).await? };
    let others = held.into_iter().map(|other| other.message_id);
    status::locked_all(tx, others.chain([attempt.message_id])).await
}

/// The attempts that have one of these ids, on any account.
async fn holding(tx: &Tx, sids: impl IntoIterator<Item = &str>) -> Result<Vec<attempt::Model>> {
    let query = attempt::Entity::find().filter(attempt::Column::CarrierMessageId.is_in(sids));
    Ok(query.order_by_asc(attempt::Column::Id).all(&**tx).await?)
}

/// Locks what the proofs are about, frees ids that others have by a worse proof, and drops proofs of ids that others have by
/// a better one.
pub(super) async fn claim(ctx: &Ctx, tx: &Tx, proofs: Vec<Proof>) -> Result<Claims> {
    let sid_of = |(attempt, evidence): &Proof| {
        (!certain(attempt, &evidence.carrier_message_id)).then(|| evidence.carrier_message_id.clone())
    };
    let open: Vec<String> = proofs.iter().filter_map(sid_of).collect();
    let sids = || open.iter().map(String::as_str);
    let mut held = if open.is_empty() { Vec::new() } else { holding(tx, sids()).await? };
    let ids = proofs.iter().map(|(attempt, _)| attempt.message_id);
    let messages = status::locked_all(tx, ids.chain(held.iter().map(|other| other.message_id))).await?;
    if open.is_empty() {
        return Ok(Claims { messages, proofs });
    }
    if !held.is_empty() {
        held = holding(tx, sids()).await?;
    }
    let proofs = as_they_are(tx, proofs).await?;
    decide(ctx, tx, Claims { messages, proofs }, &held).await
}

/// The proofs with their attempts under lock.
async fn as_they_are(tx: &Tx, proofs: Vec<Proof>) -> Result<Vec<Proof>> {
    let ids = proofs.iter().map(|(attempt, _)| attempt.id);
    let rows = attempt::Entity::find().filter(attempt::Column::Id.is_in(ids)).all(&**tx).await?;
    let mut rows: HashMap<AttemptId, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let now = |(attempt, evidence): Proof| Some((rows.remove(&attempt.id)?, evidence));
    Ok(proofs.into_iter().filter_map(now).collect())
}

async fn decide(ctx: &Ctx, tx: &Tx, claims: Claims, held: &[attempt::Model]) -> Result<Claims> {
    let Claims { mut messages, proofs } = claims;
    let (mut lost, mut good) = (HashMap::new(), Vec::new());
    for (attempt, evidence) in proofs {
        let (sid, is_guess) = (&evidence.carrier_message_id, evidence.source.is_guess());
        let account = messages.get(&attempt.message_id).map(|message| &message.account);
        let is_rival = |other: &&attempt::Model| {
            other.carrier_message_id.as_ref() == Some(sid)
                && other.message_id != attempt.message_id
                && messages.get(&other.message_id).map(|message| &message.account) == account
        };
        let rivals: Vec<_> = held.iter().filter(is_rival).cloned().collect();
        if rivals.iter().any(|other| is_guess || !other.guessed) {
            tracing::warn!(attempt = %attempt.id, "the carrier's id of another message came as evidence");
            continue;
        }
        lost.extend(rivals.into_iter().map(|other| (other.id, other)));
        if !is_guess && attempt.guessed && attempt.carrier_message_id.as_ref() != Some(sid) {
            lost.insert(attempt.id, attempt.clone());
        }
        good.push((attempt, evidence));
    }
    for mistaken in lost.values_mut() {
        if let Some(message) = messages.remove(&mistaken.message_id) {
            messages.insert(message.id, take_back(ctx, tx, mistaken, message).await?);
        }
    }
    let now = |(attempt, evidence): Proof| (lost.get(&attempt.id).cloned().unwrap_or(attempt), evidence);
    Ok(Claims { messages, proofs: good.into_iter().map(now).collect() })
}

/// Lets an attempt be in doubt again, and with it its message unless another attempt of it is known to have arrived.
async fn take_back(
    ctx: &Ctx,
    tx: &Tx,
    mistaken: &mut attempt::Model,
    message: message::Model,
) -> Result<message::Model> {
    let sid = mistaken.carrier_message_id.take();
    (mistaken.guessed, mistaken.clean_lists) = (false, 0);
    let why = Settled::Because(None, MISTAKEN.to_owned());
    *mistaken = ended(ctx, mistaken.clone(), AttemptState::InDoubt, why);
    write_all(tx, vec![mistaken.clone()]).await?;
    let detail = json!({ "attempt": mistaken.id, "carrierMessageId": sid, "why": MISTAKEN });
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::InDoubt, detail)]).await?;
    metrics::counter!("phonehub_attempts_in_doubt_total").increment(1);
    reconcile::plan(ctx, tx, mistaken).await?;
    let Some(sid) = sid.filter(|sid| message.carrier_message_id.as_ref() == Some(sid)) else {
        return Ok(message);
    };
    receipts::park_again(tx, &message, &sid).await?;
    let other = attempt::Entity::find()
        .filter(attempt::Column::MessageId.eq(message.id))
        .filter(attempt::Column::CarrierMessageId.is_not_null())
        .order_by_asc(attempt::Column::Ordinal)
        .one(&**tx)
        .await?;
    let carrier_message_id = other.and_then(|other| other.carrier_message_id);
    let change = Change { mistaken: true, carrier_message_id, ..Change::default() };
    let message = status::apply(ctx, tx, message, change).await?;
    if message.carrier_message_id.is_some() {
        poll::ask_now(ctx, tx, &message).await?;
    }
    Ok(message)
}

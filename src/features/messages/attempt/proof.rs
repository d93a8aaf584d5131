//! Proof that the carrier has a message, and what follows from it. Whose the carrier's id is, is decided next door.

use std::collections::HashSet;

use entity::{
    attempt,
    enums::{AttemptState, TimelineKind},
    ids::MessageId,
    message,
};
use serde_json::{Value, json};

use super::{
    Settled, ended,
    owner::{self, Claims},
    write_all,
};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        tx::Tx,
    },
    carriers::messaging::RemoteStatus,
    features::messages::{
        poll, receipts,
        redact::{self, Extent},
        status::{self, Change},
        timeline,
    },
};

/// Proof that the carrier has the message: its own answer, a callback, or its list.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The carrier's id.
    pub carrier_message_id: String,
    /// The carrier's word.
    pub status: RemoteStatus,
    /// With a failure.
    pub error: Option<(Option<i32>, String)>,
    /// The carrier's count.
    pub segments: Option<u32>,
    /// Where it came from.
    pub source: Source,
}

/// Where evidence came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The carrier's answer to the call.
    Answer,
    /// A callback to the attempt's own address.
    Callback,
    /// A copy in the carrier's list that looks like the message: a guess where several do.
    List,
}

impl Source {
    /// As the timeline shows it.
    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Callback => "callback",
            Self::List => "list",
        }
    }

    const fn kind(self) -> TimelineKind {
        match self {
            Self::Answer => TimelineKind::CarrierAccepted,
            Self::Callback | Self::List => TimelineKind::EvidenceFound,
        }
    }

    /// Whether it names no attempt.
    pub(super) const fn is_guess(self) -> bool {
        matches!(self, Self::List)
    }
}

/// The carrier has it: attempt and message learn the id, parked receipts are claimed, a poll is planned in case no
/// receipt comes. Safe to call twice and from any source; true evidence needs no fence. `None`: the message is gone, or
/// another one has the id and this evidence is not better than its.
pub async fn accepted(
    ctx: &Ctx,
    tx: &Tx,
    attempt: attempt::Model,
    evidence: Evidence,
) -> Result<Option<message::Model>> {
    Ok(accepted_all(ctx, tx, vec![(attempt, evidence)]).await?.pop())
}

/// The same for attempts of several messages, each one named once; answers the messages that have the ids.
pub async fn accepted_all(
    ctx: &Ctx,
    tx: &Tx,
    proofs: Vec<(attempt::Model, Evidence)>,
) -> Result<Vec<message::Model>> {
    let ids: HashSet<MessageId> = proofs.iter().map(|(attempt, _)| attempt.message_id).collect();
    if ids.len() < proofs.len() {
        return Err(Error::internal("two attempts of one message are proven one after the other"));
    }
    let Claims { mut messages, proofs } = owner::claim(ctx, tx, proofs).await?;
    let (mut settled, mut told, mut changes, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (attempt, evidence) in proofs {
        let Some(message) = messages.remove(&attempt.message_id) else { continue };
        let sid = evidence.carrier_message_id.clone();
        let is_news = attempt.state != AttemptState::Accepted;
        if is_news {
            let (of, detail) = ((&message).into(), detail(&attempt, &evidence));
            told.push(timeline::Entry { of, at: ctx.now(), kind: evidence.source.kind(), detail });
        }
        if is_news || (attempt.guessed && !evidence.source.is_guess()) {
            let found = Settled::With { id: sid.clone(), guessed: evidence.source.is_guess() };
            settled.push(ended(ctx, attempt, AttemptState::Accepted, found));
        }
        if message.carrier_message_id.as_ref().is_some_and(|first| *first != sid) {
            // A second copy of a message that was sent again by policy: told above, and the first one counts.
            others.push(message);
        } else {
            changes.push((is_news, message, change(evidence)));
        }
    }
    write_all(tx, settled).await?;
    timeline::add_all(tx, told).await?;
    others.extend(learnt(ctx, tx, changes).await?);
    Ok(others)
}

/// Messages that learn, some for the first time, that the carrier has them.
async fn learnt(
    ctx: &Ctx,
    tx: &Tx,
    changes: Vec<(bool, message::Model, Change)>,
) -> Result<Vec<message::Model>> {
    let news: Vec<bool> = changes.iter().map(|(is_news, ..)| *is_news).collect();
    let changes = changes.into_iter().map(|(_, message, change)| (message, change)).collect();
    let rows = status::apply_all(ctx, tx, changes).await?.into_iter().zip(news);
    let (first, again): (Vec<_>, Vec<_>) = rows.partition(|(_, is_news)| *is_news);
    let first = first.into_iter().map(|(message, _)| message).collect();
    let mut messages = receipts::claim_parked_all(ctx, tx, first).await?;
    messages.extend(again.into_iter().map(|(message, _)| message));
    for redacted in messages.iter().filter(|message| message.redacted_at.is_some()) {
        redact::carrier::plan(ctx, tx, redacted, Extent::Content).await?;
    }
    poll::plan_all(ctx, tx, &messages).await?;
    Ok(messages)
}

fn change(evidence: Evidence) -> Change {
    Change {
        status: status::of_remote(&evidence.status),
        carrier_status: Some(evidence.status.as_str().to_owned()),
        carrier_message_id: Some(evidence.carrier_message_id),
        error: evidence.error,
        segments: evidence.segments.and_then(|count| i32::try_from(count).ok()),
        ..Change::default()
    }
}

fn detail(attempt: &attempt::Model, evidence: &Evidence) -> Value {
    json!({
        "attempt": attempt.id,
        "carrierMessageId": evidence.carrier_message_id,
        "carrierStatus": evidence.status.as_str(),
        "source": evidence.source.name(),
    })
}

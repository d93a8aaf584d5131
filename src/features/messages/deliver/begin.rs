//! The first half of a hand-over: the last checks and the attempt's row, committed before the carrier is called. Messages
//! whose hand-over begins at the same time share the transaction.

use std::collections::HashSet;

use entity::{
    attempt,
    enums::MessageStatus,
    ids::{CarrierConfigId, MessageId},
    message,
};

use super::{Payload, may_be_sent};
use crate::{
    base::{
        ctx::Ctx,
        error::{Error, Result},
        group::{Group, Grouped},
        jobs::Lease,
        tx::Tx,
    },
    features::{
        contacts::opt_outs,
        messages::{
            attempt::{Start, start_all},
            refused,
            status::{self, Change},
        },
    },
};

/// Where hand-overs meet that begin.
pub(super) type Beginnings = Group<Beginning>;

/// A message whose turn has come.
#[derive(Debug)]
pub(super) struct Beginning {
    pub ctx: Ctx,
    pub lease: Lease,
    pub payload: Payload,
    pub message: MessageId,
    pub config: CarrierConfigId,
}

/// An attempt on record, with its message as it is now.
#[derive(Debug)]
pub(super) struct Begun {
    pub message: message::Model,
    pub attempt: attempt::Model,
}

impl Grouped for Beginning {
    /// `None`: settled without a call. An error of its own when its lease was lost.
    type Answer = Result<Option<Begun>>;

    async fn work(group: &[&Self]) -> Result<Vec<Self::Answer>> {
        let Some(ctx) = group.first().map(|first| &first.ctx) else { return Ok(Vec::new()) };
        let tx = ctx.begin().await?;
        // Messages before jobs, as everywhere: two that need both cannot wait for each other.
        let mut messages = status::locked_all(&tx, group.iter().map(|new| new.message)).await?;
        let held = Lease::held_all(&tx, &group.iter().map(|new| &new.lease).collect::<Vec<_>>()).await?;
        let recipients = || messages.values().map(|message| message.recipient.as_str());
        opt_outs::quiet::hold(ctx, &tx, recipients()).await?;
        let refusing = opt_outs::refusing(&*tx, recipients()).await?;
        let (mut ready, mut settled) = (Vec::new(), Vec::new());
        for new in group.iter().filter(|new| held.contains(&new.lease.claim())) {
            let message = messages.remove(&new.message).filter(|message| may_be_sent(message, &new.payload));
            match message {
                Some(message) if new.is_allowed(&tx, &message, &refusing).await? => {
                    ready.push((*new, message));
                }
                _ => settled.push(&new.lease),
            }
        }
        Lease::finish_all(&tx, &settled).await?;
        let mut begun = start(ctx, &tx, ready).await?.into_iter().peekable();
        tx.commit().await?;
        let answer = |new: &&Self| {
            if held.contains(&new.lease.claim()) {
                return Ok(begun.next_if(|begun| begun.message.id == new.message));
            }
            Err(Error::unavailable("the lease was lost to another worker"))
        };
        Ok(group.iter().map(answer).collect())
    }
}

/// Writes the attempts and lets the messages be SENDING.
async fn start(ctx: &Ctx, tx: &Tx, ready: Vec<(&Beginning, message::Model)>) -> Result<Vec<Begun>> {
    let starts: Vec<_> = ready
        .iter()
        .map(|(new, message)| Start { message, config: new.config, fence: new.lease.job.lease_token })
        .collect();
    let attempts = start_all(ctx, tx, &starts).await?;
    let sending = Change { status: Some(MessageStatus::Sending), attempt: true, ..Change::default() };
    let changes = ready.into_iter().map(|(_, message)| (message, sending.clone())).collect();
    let messages = status::apply_all(ctx, tx, changes).await?;
    Ok(messages.into_iter().zip(attempts).map(|(message, attempt)| Begun { message, attempt }).collect())
}

impl Beginning {
    /// Consent as it is now; a message that lost it fails here.
    async fn is_allowed(
        &self,
        tx: &Tx,
        message: &message::Model,
        refusing: &HashSet<String>,
    ) -> Result<bool> {
        if !refusing.contains(&message.recipient) {
            return Ok(true);
        }
        let message::Model { organization_id, account, sender, recipient, .. } = message;
        let refusal = opt_outs::blocked(&**tx, *organization_id, account, sender, recipient).await?;
        let Some(refusal) = refusal else { return Ok(true) };
        refused::blocked(&self.ctx, tx, message.clone(), &refusal).await?;
        Ok(false)
    }
}

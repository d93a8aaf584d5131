//! The second half of a hand-over that the carrier took. Answers that come at the same time share the transaction.

use entity::attempt;

use crate::{
    base::{
        ctx::Ctx,
        error::Result,
        group::{Group, Grouped},
        jobs::Lease,
    },
    features::messages::attempt::{Evidence, accepted_all},
};

/// Where the carrier's answers meet.
pub(super) type Ends = Group<End>;

/// The carrier has the message.
#[derive(Debug)]
pub(super) struct End {
    pub ctx: Ctx,
    pub lease: Lease,
    pub attempt: attempt::Model,
    pub evidence: Evidence,
}

impl Grouped for End {
    type Answer = ();

    async fn work(group: &[&Self]) -> Result<Vec<()>> {
        let Some(ctx) = group.first().map(|first| &first.ctx) else { return Ok(Vec::new()) };
        let tx = ctx.begin().await?;
        let proofs = group.iter().map(|end| (end.attempt.clone(), end.evidence.clone())).collect();
        accepted_all(ctx, &tx, proofs).await?;
        let leases: Vec<_> = group.iter().map(|end| &end.lease).collect();
        let lost = Lease::finish_all(&tx, &leases).await?;
        tx.commit().await?;
        // A lost lease changes nothing about the carrier having it: the other worker finds the attempt accepted.
        for (job, _) in lost {
            tracing::warn!(%job, "handed over by a worker that had lost its lease");
        }
        Ok(vec![(); group.len()])
    }
}

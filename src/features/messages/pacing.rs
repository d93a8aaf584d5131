//! Pacing per sender, shared by all instances: the messages of a sender that has a pace wait in one line, and each slot
//! goes to the most urgent of them.

use entity::carrier_config;

use crate::{
    base::{
        ctx::Ctx,
        error::Result,
        jobs::{Lane, Lease},
    },
    features::carrier_configs::senders::sender_key,
};

/// Whether the message may go now; if not, its job waits in the sender's line.
pub async fn has_turn(
    ctx: &Ctx,
    lease: &Lease,
    config: &carrier_config::Model,
    sender: &str,
) -> Result<bool> {
    let pace = u32::try_from(config.messages_per_second).unwrap_or(0);
    let lane = Lane::new(sender_key(&config.account, sender), pace);
    if lease.has_turn() {
        // The pace may have been set anew while it waited.
        lane.keep_pace(ctx).await?;
        return Ok(true);
    }
    if pace == 0 {
        return Ok(true);
    }
    lease.take_turn(ctx, &lane).await
}

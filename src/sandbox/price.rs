//! What a message costs at the emulated carrier, and how Twilio writes it.

use super::message::{Direction, Message};

/// Hundred-thousandths of a dollar per segment, in or out.
const SEGMENT: u64 = 790;
/// Hundred-thousandths of a dollar for a message with media: out, in.
const MMS_OUT: u64 = 2_000;
const MMS_IN: u64 = 1_000;

/// Hundred-thousandths of a dollar for the whole message.
pub(super) fn of(message: &Message) -> u64 {
    match (message.media.is_empty(), message.direction) {
        (true, _) => SEGMENT * u64::from(message.segments),
        (false, Direction::Inbound) => MMS_IN,
        (false, _) => MMS_OUT,
    }
}

/// A negative decimal string, as in `"-0.00790"`.
pub(super) fn written(hundred_thousandths: u64) -> String {
    format!("-{}.{:05}", hundred_thousandths / 100_000, hundred_thousandths % 100_000)
}

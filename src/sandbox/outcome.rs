//! What becomes of a message, by its recipient: the documented test numbers. Pure data and one lookup.

use serde::Serialize;

/// The fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// queued → sent → delivered.
    Delivered,
    /// queued → sent → undelivered with this error code.
    Undelivered(u32),
    /// queued → failed with this error code.
    Failed(u32),
    /// The create request itself is refused with this code.
    Refused(u32),
    /// Delivered after `Timing::slow`.
    Slow,
    /// Stays `sent`: the carrier never sends a receipt.
    NoReceipt,
    /// Stays `queued` (until its `ValidityPeriod` ends, if the request gave one: failed 30036).
    Stuck,
    /// Delivered, and the phone texts `Echo: …` back.
    Echo,
}

/// A recipient whose fate is known beforehand.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TestNumber {
    /// E.164; valid by libphonenumber, so that a client's own validation lets it pass.
    pub phone_number: &'static str,
    /// What happens to a message sent to it.
    pub outcome: Outcome,
    /// The same in words.
    pub meaning: &'static str,
}

const fn test_number(phone_number: &'static str, outcome: Outcome, meaning: &'static str) -> TestNumber {
    TestNumber { phone_number, outcome, meaning }
}

/// Every recipient with a special fate, all from the range that is reserved for fiction. A message to any
/// other number is delivered.
pub const TEST_NUMBERS: &[TestNumber] = &[
    test_number("+12065550100", Outcome::Delivered, "delivered, as any number that is not in this list"),
    test_number("+12065550101", Outcome::Undelivered(30003), "undelivered: handset off or out of reach"),
    test_number("+12065550102", Outcome::Failed(30008), "failed: unknown error"),
    test_number("+12065550103", Outcome::Refused(21211), "refused: not a valid phone number"),
    test_number("+12065550104", Outcome::Undelivered(30006), "undelivered: landline or unreachable carrier"),
    test_number("+12065550105", Outcome::Slow, "delivered late"),
    test_number("+12065550106", Outcome::NoReceipt, "sent, and never a receipt"),
    test_number("+12065550107", Outcome::Stuck, "queued for ever"),
    test_number("+12065550108", Outcome::Echo, "delivered; the phone answers \"Echo: …\""),
    test_number("+12065550109", Outcome::Refused(21610), "refused: has opted out of every sender"),
    test_number("+12065550110", Outcome::Undelivered(30007), "undelivered: filtered as spam"),
    test_number("+12065550111", Outcome::Refused(21614), "refused: not a mobile number"),
];

impl Outcome {
    /// The fate of a message to `recipient`.
    pub fn of(recipient: &str) -> Self {
        let known = TEST_NUMBERS.iter().find(|number| number.phone_number == recipient);
        known.map_or(Self::Delivered, |number| number.outcome)
    }
}

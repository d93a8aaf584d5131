//! Closed sets that columns hold, stored by their API names. Order of variants is order of rank where a rank is meant.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// What a user may do in an organisation; each role may do all that those before it may.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Reads.
    #[sea_orm(string_value = "VIEWER")]
    Viewer,
    /// Reads and writes messages and contacts.
    #[sea_orm(string_value = "AGENT")]
    Agent,
    /// Also configures carriers, keys, members.
    #[sea_orm(string_value = "ADMIN")]
    Admin,
    /// Also appoints owners.
    #[sea_orm(string_value = "OWNER")]
    Owner,
}

/// Which carrier a config talks to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Provider {
    /// Twilio, or anything that speaks its API: the sandbox too.
    #[sea_orm(string_value = "TWILIO")]
    Twilio,
}

/// What happens when the evidence window closes and nobody knows whether the carrier took a message.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InDoubtPolicy {
    /// Send again: may duplicate when the carrier's list lags longer than the window.
    #[sea_orm(string_value = "RESEND")]
    Resend,
    /// Mark UNKNOWN, tell, and wait for `resolveMessage`.
    #[sea_orm(string_value = "HOLD")]
    Hold,
}

/// Where a number is in its life.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberStatus {
    /// Offered by the carrier.
    #[sea_orm(string_value = "AVAILABLE")]
    Available,
    /// Held for a buyer.
    #[sea_orm(string_value = "RESERVED")]
    Reserved,
    /// Bought, being configured.
    #[sea_orm(string_value = "PENDING")]
    Pending,
    /// A person must do something.
    #[sea_orm(string_value = "ACTION_REQUIRED")]
    ActionRequired,
    /// Works.
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    /// Switched off, still ours.
    #[sea_orm(string_value = "SUSPENDED")]
    Suspended,
    /// On its way to us.
    #[sea_orm(string_value = "PORTING")]
    Porting,
    /// Given back.
    #[sea_orm(string_value = "RELEASED")]
    Released,
    /// Lost at the end of its term.
    #[sea_orm(string_value = "EXPIRED")]
    Expired,
}

/// Who wrote.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// The other phone.
    #[sea_orm(string_value = "INBOUND")]
    Inbound,
    /// We.
    #[sea_orm(string_value = "OUTBOUND")]
    Outbound,
}

/// Radio alphabet of a message.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Encoding {
    /// GSM 03.38: 160 septets, 153 each in parts.
    #[sea_orm(string_value = "GSM7")]
    #[graphql(name = "GSM7")]
    Gsm7,
    /// UTF-16: 70 code units, 67 each in parts.
    #[sea_orm(string_value = "UCS2")]
    #[graphql(name = "UCS2")]
    Ucs2,
}

/// One total order: a higher one wins whatever the order of arrival (design.md §2).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageStatus {
    /// Waits for its time.
    #[sea_orm(string_value = "SCHEDULED")]
    Scheduled,
    /// Accepted and durable; not yet handed over.
    #[sea_orm(string_value = "QUEUED")]
    Queued,
    /// An attempt exists, or the carrier has it in its queue.
    #[sea_orm(string_value = "SENDING")]
    Sending,
    /// Nobody knows whether the carrier took it; see `resolveMessage`.
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    /// The carrier passed it on.
    #[sea_orm(string_value = "SENT")]
    Sent,
    /// Withdrawn before it was sent.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
    /// Not sent, finally.
    #[sea_orm(string_value = "FAILED")]
    Failed,
    /// Sent, and refused by the network or handset.
    #[sea_orm(string_value = "UNDELIVERED")]
    Undelivered,
    /// The handset has it.
    #[sea_orm(string_value = "DELIVERED")]
    Delivered,
    /// Inbound.
    #[sea_orm(string_value = "RECEIVED")]
    Received,
}

impl MessageStatus {
    /// Place in the total order; a status column changes only to a higher rank.
    pub const fn rank(self) -> i32 {
        self as i32
    }

    /// No further change is expected from the carrier (later evidence may still raise it).
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Canceled | Self::Failed | Self::Undelivered | Self::Delivered | Self::Received)
    }
}

/// What is known of one try to hand a message over.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttemptState {
    /// The call may be under way.
    #[sea_orm(string_value = "STARTED")]
    Started,
    /// The carrier has it.
    #[sea_orm(string_value = "ACCEPTED")]
    Accepted,
    /// Definitely not taken.
    #[sea_orm(string_value = "REFUSED")]
    Refused,
    /// Nobody knows; evidence is being looked for.
    #[sea_orm(string_value = "IN_DOUBT")]
    InDoubt,
    /// The window closed without evidence.
    #[sea_orm(string_value = "ABANDONED")]
    Abandoned,
}

/// What a timeline entry tells.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimelineKind {
    /// The client's call was stored.
    #[sea_orm(string_value = "ACCEPTED")]
    Accepted,
    /// Which config and sender were chosen, and why.
    #[sea_orm(string_value = "ROUTED")]
    Routed,
    /// The opt-out list was asked.
    #[sea_orm(string_value = "CONSENT_CHECKED")]
    ConsentChecked,
    /// An attempt row was written; the carrier is called next.
    #[sea_orm(string_value = "ATTEMPTED")]
    Attempted,
    /// The carrier took it.
    #[sea_orm(string_value = "CARRIER_ACCEPTED")]
    CarrierAccepted,
    /// The carrier refused it.
    #[sea_orm(string_value = "CARRIER_REFUSED")]
    CarrierRefused,
    /// It will be tried again.
    #[sea_orm(string_value = "RETRY_SCHEDULED")]
    RetryScheduled,
    /// The outcome of an attempt is unknown.
    #[sea_orm(string_value = "IN_DOUBT")]
    InDoubt,
    /// A callback or list showed that the carrier has it.
    #[sea_orm(string_value = "EVIDENCE_FOUND")]
    EvidenceFound,
    /// The window closed; waits for a person.
    #[sea_orm(string_value = "HELD")]
    Held,
    /// The window closed; sent again by policy.
    #[sea_orm(string_value = "RESENT")]
    Resent,
    /// A person decided.
    #[sea_orm(string_value = "RESOLVED")]
    Resolved,
    /// Withdrawn.
    #[sea_orm(string_value = "CANCELED")]
    Canceled,
    /// A delivery receipt came.
    #[sea_orm(string_value = "RECEIPT")]
    Receipt,
    /// The carrier was asked because no receipt came.
    #[sea_orm(string_value = "POLLED")]
    Polled,
    /// The carrier named its price.
    #[sea_orm(string_value = "PRICED")]
    Priced,
    /// Not sent: opted out.
    #[sea_orm(string_value = "BLOCKED")]
    Blocked,
    /// Given up.
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// How far a refusal reaches.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OptOutScope {
    /// One sender or messaging service.
    #[sea_orm(string_value = "SENDER")]
    Sender,
    /// Every sender of the organisation.
    #[sea_orm(string_value = "ORGANIZATION")]
    Organization,
}

/// How a refusal became known.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
    Enum,
)]
#[sea_orm(rs_type = "String", db_type = "Text")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OptOutSource {
    /// The person wrote STOP.
    #[sea_orm(string_value = "KEYWORD")]
    Keyword,
    /// The carrier refused with its own opt-out list.
    #[sea_orm(string_value = "CARRIER")]
    Carrier,
    /// Set by hand.
    #[sea_orm(string_value = "API")]
    Api,
}

//! Closed sets that columns hold. One name for each value everywhere: in the database, in the API, in JSON. Order of
//! variants is order of rank where a rank is meant.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// Declares closed sets: `Name { Variant = "NAME", … }`.
macro_rules! closed {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $text:tt,)* })*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Serialize,
            Deserialize, Enum,
        )]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $(
                $(#[$about])*
                #[sea_orm(string_value = $text)]
                #[serde(rename = $text)]
                #[graphql(name = $text)]
                $variant,
            )*
        }
    )*};
}

closed! {
    /// What a user may do in an organisation; each role may do all that those before it may.
    Role {
        /// Reads.
        Viewer = "VIEWER",
        /// Reads and writes messages and contacts.
        Agent = "AGENT",
        /// Also configures carriers, keys, members.
        Admin = "ADMIN",
        /// Also appoints owners.
        Owner = "OWNER",
    }

    /// What kind of caller did something.
    AuditActor {
        /// A signed-in person.
        User = "USER",
        /// A partner's program.
        ApiKey = "API_KEY",
        /// PhoneHub itself.
        System = "SYSTEM",
        /// `phonehub admin` on the command line.
        Administrator = "ADMINISTRATOR",
        /// Somebody without a token, such as before signing in.
        Anonymous = "ANONYMOUS",
    }

    /// What became of a call.
    AuditOutcome {
        /// It was done.
        Done = "DONE",
        /// It was refused; nothing changed.
        Refused = "REFUSED",
    }

    /// Which carrier a config talks to.
    Provider {
        /// Twilio, or anything that speaks its API: the sandbox too.
        Twilio = "TWILIO",
    }

    /// What happens when the evidence window closes and nobody knows whether the carrier took a message.
    InDoubtPolicy {
        /// Send again: may duplicate when the carrier's list lags longer than the window.
        Resend = "RESEND",
        /// Mark UNKNOWN, tell, and wait for `resolveMessage`.
        Hold = "HOLD",
    }

    /// Where a number is in its life.
    NumberStatus {
        /// Offered by the carrier.
        Available = "AVAILABLE",
        /// Held for a buyer.
        Reserved = "RESERVED",
        /// Bought, being configured.
        Pending = "PENDING",
        /// A person must do something.
        ActionRequired = "ACTION_REQUIRED",
        /// Works.
        Active = "ACTIVE",
        /// Switched off, still ours.
        Suspended = "SUSPENDED",
        /// On its way to us.
        Porting = "PORTING",
        /// Given back.
        Released = "RELEASED",
        /// Lost at the end of its term.
        Expired = "EXPIRED",
    }

    /// Who wrote.
    Direction {
        /// The other phone.
        Inbound = "INBOUND",
        /// We.
        Outbound = "OUTBOUND",
    }

    /// Radio alphabet of a message.
    Encoding {
        /// GSM 03.38: 160 septets, 153 each in parts.
        Gsm7 = "GSM7",
        /// UTF-16: 70 code units, 67 each in parts.
        Ucs2 = "UCS2",
    }

    /// One total order: a higher one wins whatever the order of arrival (design.md §2).
    MessageStatus {
        /// Waits for its time.
        Scheduled = "SCHEDULED",
        /// Accepted and durable; not yet handed over.
        Queued = "QUEUED",
        /// An attempt exists, or the carrier has it in its queue.
        Sending = "SENDING",
        /// Nobody knows whether the carrier took it; see `resolveMessage`.
        Unknown = "UNKNOWN",
        /// The carrier passed it on.
        Sent = "SENT",
        /// Withdrawn before it was sent.
        Canceled = "CANCELED",
        /// Not sent, finally.
        Failed = "FAILED",
        /// Sent, and refused by the network or handset.
        Undelivered = "UNDELIVERED",
        /// The handset has it.
        Delivered = "DELIVERED",
        /// Inbound.
        Received = "RECEIVED",
    }

    /// What is known of one try to hand a message over.
    AttemptState {
        /// The call may be under way.
        Started = "STARTED",
        /// The carrier has it.
        Accepted = "ACCEPTED",
        /// Definitely not taken.
        Refused = "REFUSED",
        /// Nobody knows; evidence is being looked for.
        InDoubt = "IN_DOUBT",
        /// The window closed without evidence.
        Abandoned = "ABANDONED",
    }

    /// What a timeline entry tells.
    TimelineKind {
        /// The client's call was stored.
        Accepted = "ACCEPTED",
        /// Which config and sender were chosen, and why.
        Routed = "ROUTED",
        /// The opt-out list was asked.
        ConsentChecked = "CONSENT_CHECKED",
        /// An attempt row was written; the carrier is called next.
        Attempted = "ATTEMPTED",
        /// The carrier took it.
        CarrierAccepted = "CARRIER_ACCEPTED",
        /// The carrier refused it.
        CarrierRefused = "CARRIER_REFUSED",
        /// It will be tried again.
        RetryScheduled = "RETRY_SCHEDULED",
        /// The outcome of an attempt is unknown.
        InDoubt = "IN_DOUBT",
        /// A callback or list showed that the carrier has it.
        EvidenceFound = "EVIDENCE_FOUND",
        /// Nothing more happens by itself: the window closed, or the work of handing it over died. Waits for a person.
        Held = "HELD",
        /// The window closed; sent again by policy.
        Resent = "RESENT",
        /// A person decided.
        Resolved = "RESOLVED",
        /// Withdrawn.
        Canceled = "CANCELED",
        /// A delivery receipt came.
        Receipt = "RECEIPT",
        /// The carrier was asked because no receipt came.
        Polled = "POLLED",
        /// The carrier named its price.
        Priced = "PRICED",
        /// Not sent: opted out.
        Blocked = "BLOCKED",
        /// Given up.
        Failed = "FAILED",
    }

    /// How far a refusal reaches.
    OptOutScope {
        /// One sender or messaging service.
        Sender = "SENDER",
        /// Every sender of the organisation.
        Organization = "ORGANIZATION",
    }

    /// How a refusal became known.
    OptOutSource {
        /// The person wrote STOP.
        Keyword = "KEYWORD",
        /// The carrier refused with its own opt-out list.
        Carrier = "CARRIER",
        /// Set by hand.
        Api = "API",
    }

    /// How far one event is on its way to one webhook endpoint.
    WebhookDeliveryStatus {
        /// Its first attempt is still to be made, or to be made anew.
        Pending = "PENDING",
        /// An attempt failed; another one follows.
        Retrying = "RETRYING",
        /// The endpoint took it.
        Delivered = "DELIVERED",
        /// Given up. `redeliver` begins anew.
        Failed = "FAILED",
    }

    /// Why a webhook endpoint gets nothing any more.
    WebhookDisabledReason {
        /// Somebody switched it off.
        Requested = "REQUESTED",
        /// It answered 410 Gone.
        Gone = "GONE",
        /// No attempt worked for five days.
        Failing = "FAILING",
    }
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

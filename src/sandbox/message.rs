//! A message as the carrier keeps it, and as its API writes it. What happens to one is in `lifecycle` and
//! `inbound`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{clock::rfc2822, errors::delivery_error_text, faults::Script, price, webhook::Delivery};

/// Twilio's words for the state of a message, those that the sandbox uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Accepted,
    Scheduled,
    Queued,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Canceled,
    Received,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Received => "received",
        }
    }

    /// Whether Twilio lets such a message be redacted or deleted.
    pub(super) const fn is_settled(self) -> bool {
        !matches!(self, Self::Accepted | Self::Scheduled | Self::Queued)
    }
}

/// Twilio's `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    Inbound,
    OutboundApi,
    OutboundReply,
}

/// A media file of a message: either somewhere else (`url`) or kept here (`base64`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Media {
    pub(super) sid: String,
    pub(super) content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

impl Media {
    pub(super) fn kept_bytes(&self) -> usize {
        self.base64.as_ref().map_or(0, String::len)
    }
}

/// A status and when it was reached.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Moment {
    pub(super) status: Status,
    pub(super) at: DateTime<Utc>,
}

/// What became of the callback for one status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Callback {
    pub(super) status: Status,
    /// A scripted fault swallowed it.
    pub(super) dropped: bool,
    #[serde(flatten)]
    pub(super) delivery: Delivery,
}

/// One message, inbound or outbound.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    /// Order of acceptance; given by the store.
    pub(super) seq: u64,
    pub(super) sid: String,
    pub(super) account: String,
    pub(super) service: Option<String>,
    /// Unknown until a messaging service has chosen.
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) body: String,
    /// The text as the client gave it, where the carrier altered or redacted it.
    pub(super) given_body: Option<String>,
    pub(super) media: Vec<Media>,
    pub(super) status: Status,
    pub(super) error: Option<u32>,
    /// Hundred-thousandths of a dollar.
    pub(super) price: Option<u64>,
    pub(super) segments: u32,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) sent: Option<DateTime<Utc>>,
    pub(super) send_at: Option<DateTime<Utc>>,
    /// Seconds, when the request gave a `ValidityPeriod`.
    pub(super) validity: Option<u32>,
    pub(super) status_callback: Option<String>,
    /// Missing from lists until then (a scripted fault).
    pub(super) listed_from: Option<DateTime<Utc>>,
    pub(super) script: Script,
    pub(super) history: Vec<Moment>,
    pub(super) callbacks: Vec<Callback>,
    /// Inbound: what became of the webhook; `None` until it was called.
    pub(super) webhooks: Option<Vec<Delivery>>,
}

/// What is known of a message when it comes to be.
pub(super) struct NewMessage {
    pub(super) account: String,
    pub(super) service: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) body: String,
    pub(super) media: Vec<Media>,
    pub(super) status: Status,
}

impl Message {
    pub(super) fn new(new: NewMessage, now: DateTime<Utc>) -> Self {
        let prefix = if new.media.is_empty() { "SM" } else { "MM" };
        let inbound = new.direction == Direction::Inbound;
        Self {
            seq: 0,
            sid: super::sid::random(prefix),
            segments: if new.media.is_empty() { super::segments::count(&new.body) } else { 1 },
            account: new.account,
            service: new.service,
            from: new.from,
            to: new.to,
            direction: new.direction,
            body: new.body,
            given_body: None,
            media: new.media,
            status: new.status,
            error: None,
            price: None,
            created: now,
            updated: now,
            sent: inbound.then_some(now),
            send_at: None,
            validity: None,
            status_callback: None,
            listed_from: None,
            script: Script::default(),
            history: vec![Moment { status: new.status, at: now }],
            callbacks: Vec::new(),
            webhooks: None,
        }
    }

    /// Statuses whose callback is still to be made: every one but the first, unless it was made or swallowed.
    pub(super) fn owed_callbacks(&self) -> Vec<Status> {
        if self.status_callback.is_none() {
            return Vec::new();
        }
        let told = |status| self.callbacks.iter().any(|callback| callback.status == status);
        self.history.iter().skip(1).map(|moment| moment.status).filter(|status| !told(*status)).collect()
    }

    /// Whether a phone has it in hand.
    pub(super) fn reached_phone(&self) -> bool {
        self.direction != Direction::Inbound && matches!(self.status, Status::Sent | Status::Delivered)
    }

    pub(super) fn path(&self) -> String {
        format!("/2010-04-01/Accounts/{}/Messages/{}", self.account, self.sid)
    }

    /// The Message resource of API 2010-04-01.
    pub(super) fn to_json(&self) -> Value {
        let path = self.path();
        // A messaging service counts once it has chosen the sender.
        let counted = !matches!(self.status, Status::Accepted | Status::Scheduled);
        json!({
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": rfc2822(self.created),
            "date_sent": self.sent.map(rfc2822),
            "date_updated": rfc2822(self.updated),
            "direction": self.direction,
            "error_code": self.error,
            "error_message": self.error.map(delivery_error_text),
            "from": self.from,
            "messaging_service_sid": self.service,
            "num_media": self.media.len().to_string(),
            "num_segments": if counted { self.segments.to_string() } else { "0".to_owned() },
            "price": self.price.map(price::written),
            "price_unit": self.price.map(|_| "USD"),
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": { "media": format!("{path}/Media.json") },
            "to": self.to,
            "uri": format!("{path}.json"),
        })
    }
}

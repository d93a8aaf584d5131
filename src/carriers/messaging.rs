//! What a carrier that sends messages can do, in words that hold for any of them.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::error::CarrierError;

/// Sending and reading back messages at one account. No method repeats a request by itself.
#[async_trait]
pub trait Messaging: Send + Sync {
    /// Hands a message over, once.
    async fn send(&self, message: &Outgoing) -> SendOutcome;
    /// Looks for messages that the carrier may have taken: newest first, back to `since`, over bounded pages.
    async fn find(&self, query: &FindQuery) -> Result<Found, CarrierError>;
    /// Reads one message.
    async fn fetch(&self, sid: &str) -> Result<RemoteMessage, CarrierError>;
    /// Cancels one that the carrier has not sent yet.
    async fn cancel(&self, sid: &str) -> Result<RemoteMessage, CarrierError>;
    /// Empties the body of the carrier's copy.
    async fn redact(&self, sid: &str) -> Result<RemoteMessage, CarrierError>;
    /// Deletes the carrier's copies of the message's files; none are left when there were none.
    async fn delete_media(&self, sid: &str) -> Result<(), CarrierError>;
    /// Deletes the carrier's copy, numbers and all.
    async fn delete(&self, sid: &str) -> Result<(), CarrierError>;
    /// Asks whether the credentials work and what account they open.
    async fn check_account(&self) -> Result<AccountInfo, CarrierError>;
    /// The numbers of the account.
    async fn list_senders(&self) -> Result<Vec<RemoteSender>, CarrierError>;
    /// Fetches media of a message with the account's credentials, which only ever go to the carrier's own host.
    async fn fetch_media(&self, url: &str) -> Result<Media, CarrierError>;
}

/// A message as it is handed over; every rule was checked before.
#[derive(Clone)]
pub struct Outgoing {
    /// E.164.
    pub to: String,
    /// From whom.
    pub sender: Sender,
    /// Absent where only media are sent.
    pub body: Option<String>,
    /// Addresses the carrier fetches media from; at most 10.
    pub media_urls: Vec<String>,
    /// Where receipts go; carries the attempt's id, which is the evidence when the answer is lost.
    pub status_callback: String,
    /// Seconds the carrier may keep it queued (Twilio: 1 to 36,000).
    pub validity_seconds: Option<u32>,
    /// Whether the carrier shall replace characters outside the 7-bit alphabet.
    pub smart_encoded: bool,
}

/// Who a message comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Sender {
    /// A number, short code or sender id.
    From(String),
    /// A pool of senders that the carrier chooses from, by its id.
    Service(String),
}

/// How handing over ended. Only `Refused` may be repeated or failed; `InDoubt` waits for evidence.
#[derive(Debug, Clone)]
pub enum SendOutcome {
    /// The carrier has it.
    Accepted(RemoteMessage),
    /// Definitely not taken: a 4xx, a 429, an open breaker, or nothing was sent.
    Refused(CarrierError),
    /// It may have been taken: a time-out, a reset, a 5xx, an answer that cannot be read.
    InDoubt(CarrierError),
}

/// Where to look for a message whose hand-over is in doubt.
#[derive(Clone)]
pub struct FindQuery {
    /// E.164.
    pub to: String,
    /// As it was handed over.
    pub sender: Sender,
    /// Messages created before this are not of interest: the attempt's start minus the clocks' skew.
    pub since: DateTime<Utc>,
    /// Pages to read before giving up.
    pub max_pages: u32,
}

/// What the carrier lists.
#[derive(Debug, Clone)]
pub struct Found {
    /// Newest first, none older than asked for.
    pub messages: Vec<RemoteMessage>,
    /// Whether the list was read back to `since` or to its end; only then is an absence evidence.
    pub complete: bool,
}

/// A message as the carrier tells it. `Debug` shows neither numbers nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteMessage {
    /// The carrier's id.
    pub sid: String,
    /// Its word for the state.
    pub status: RemoteStatus,
    /// The recipient.
    pub to: Option<String>,
    /// The sender, once chosen.
    pub from: Option<String>,
    /// The pool it was sent through.
    pub service: Option<String>,
    /// The text as carried.
    pub body: Option<String>,
    /// Files with it, a few at most; absent where the carrier does not say.
    pub num_media: Option<u8>,
    /// Absent until the carrier counted them (it says 0 at first).
    pub num_segments: Option<u32>,
    /// Cost in millionths of `price_currency`, positive; absent until the carrier knows, some time after sending.
    pub price_micros: Option<i64>,
    /// ISO 4217, upper case.
    pub price_currency: Option<String>,
    /// Why it failed.
    pub error_code: Option<i32>,
    /// The carrier's words for that.
    pub error_message: Option<String>,
    /// When the carrier took it.
    pub date_created: Option<DateTime<Utc>>,
    /// When it left the carrier; absent while queued.
    pub date_sent: Option<DateTime<Utc>>,
    /// Which way.
    pub direction: Option<Direction>,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To us.
    Inbound,
    /// From us, by the API, a call or a reply.
    Outbound,
}

/// Every word for a message's state (Twilio's set), and room for those to come. Ranks are the features' affair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the carrier's own word")]
pub enum RemoteStatus {
    Accepted,
    Scheduled,
    Queued,
    Sending,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Canceled,
    Read,
    PartiallyDelivered,
    Receiving,
    Received,
    /// A word that is not in the carrier's description, kept as it came.
    Unknown(String),
}

impl RemoteStatus {
    /// Reads the carrier's word, without regard to case.
    pub fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "accepted" => Self::Accepted,
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "read" => Self::Read,
            "partially_delivered" => Self::PartiallyDelivered,
            "receiving" => Self::Receiving,
            "received" => Self::Received,
            _ => Self::Unknown(word.to_owned()),
        }
    }

    /// The carrier's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Read => "read",
            Self::PartiallyDelivered => "partially_delivered",
            Self::Receiving => "receiving",
            Self::Received => "received",
            Self::Unknown(word) => word,
        }
    }
}

/// The account that credentials open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// The carrier's id of it.
    pub sid: String,
    /// Its name, where the credentials may read it.
    pub friendly_name: Option<String>,
    /// `active`, `suspended` or `closed`, where the credentials may read it.
    pub status: Option<String>,
    /// `Trial` or `Full`, where the credentials may read it.
    pub kind: Option<String>,
}

/// A number of the account.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteSender {
    /// The carrier's id of it.
    pub sid: String,
    /// E.164.
    pub phone_number: String,
    /// What the account calls it.
    pub friendly_name: Option<String>,
    /// Can send and receive texts.
    pub sms: bool,
    /// Can send and receive media.
    pub mms: bool,
    /// Can call and be called.
    pub voice: bool,
}

/// A file of a message.
#[derive(Debug, Clone)]
pub struct Media {
    /// As the carrier says; `application/octet-stream` where it says nothing.
    pub content_type: String,
    /// The whole file.
    pub bytes: Bytes,
}

mod debug;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_it_came() {
        let words = [
            "accepted",
            "scheduled",
            "queued",
            "sending",
            "sent",
            "delivered",
            "undelivered",
            "failed",
            "canceled",
            "read",
            "partially_delivered",
            "receiving",
            "received",
        ];
        for word in words {
            let status = RemoteStatus::parse(word);
            assert_eq!(status.as_str(), word);
            assert!(!matches!(status, RemoteStatus::Unknown(_)), "{word}");
        }
        assert_eq!(RemoteStatus::parse("Delivered"), RemoteStatus::Delivered);
        assert_eq!(RemoteStatus::parse("on-the-moon").as_str(), "on-the-moon");
    }
}

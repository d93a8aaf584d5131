//! `Debug` of what carries numbers and texts: fit for logs.

use std::fmt;

use super::{FindQuery, Outgoing, RemoteMessage, RemoteSender, Sender};
use crate::base::phone::mask;

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("to", &mask(&self.to))
            .field("sender", &self.sender)
            .field("body", &self.body.as_deref().map(size))
            .field("media", &self.media_urls.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(from) => write!(f, "From({})", mask(from)),
            Self::Service(sid) => write!(f, "Service({sid})"),
        }
    }
}

impl fmt::Debug for FindQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindQuery")
            .field("to", &mask(&self.to))
            .field("sender", &self.sender)
            .field("since", &self.since)
            .field("max_pages", &self.max_pages)
            .finish()
    }
}

impl fmt::Debug for RemoteMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteMessage")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("to", &self.to.as_deref().map(mask))
            .field("from", &self.from.as_deref().map(mask))
            .field("body", &self.body.as_deref().map(size))
            .field("num_media", &self.num_media)
            .field("num_segments", &self.num_segments)
            .field("price_micros", &self.price_micros)
            .field("error_code", &self.error_code)
            .field("date_created", &self.date_created)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSender")
            .field("sid", &self.sid)
            .field("phone_number", &mask(&self.phone_number))
            .field("sms", &self.sms)
            .field("mms", &self.mms)
            .field("voice", &self.voice)
            .finish_non_exhaustive()
    }
}

fn size(body: &str) -> String {
    format!("{} bytes", body.len())
}

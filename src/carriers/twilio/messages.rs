//! Messages on Twilio's wire: the form that creates one, and the JSON that describes one. Pure.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::decimal::parse_micros;
use super::error::{parse_error, unreadable};
use crate::base::http::HttpResponse;
use crate::carriers::error::CarrierError;
use crate::carriers::messaging::{
    Direction, FindQuery, Outgoing, RemoteMessage, RemoteStatus, SendOutcome, Sender,
};

/// The pairs of a create request, in the description's order.
pub(super) fn create_form(message: &Outgoing) -> Vec<(&'static str, String)> {
    let mut form = vec![("To", message.to.clone())];
    form.push(match &message.sender {
        Sender::From(from) => ("From", from.clone()),
        Sender::Service(sid) => ("MessagingServiceSid", sid.clone()),
    });
    form.extend(message.body.iter().map(|body| ("Body", body.clone())));
    form.extend(message.media_urls.iter().map(|url| ("MediaUrl", url.clone())));
    form.push(("StatusCallback", message.status_callback.clone()));
    form.extend(message.validity_seconds.map(|seconds| ("ValidityPeriod", seconds.to_string())));
    form.push(("SmartEncoded", message.smart_encoded.to_string()));
    form
}

/// What became of a create request. A 4xx is definite; every other answer than a readable success is in doubt.
pub(super) fn parse_send(response: &HttpResponse) -> SendOutcome {
    if response.status.is_client_error() {
        return SendOutcome::Refused(parse_error(response));
    }
    match parse_message(response) {
        Ok(message) => SendOutcome::Accepted(message),
        Err(error) => SendOutcome::InDoubt(error),
    }
}

/// One message, or the carrier's error.
pub(super) fn parse_message(response: &HttpResponse) -> Result<RemoteMessage, CarrierError> {
    parse_success::<Wire>(response).map(RemoteMessage::from)
}

/// A page of a list.
pub(super) struct Page {
    pub(super) messages: Vec<RemoteMessage>,
    pub(super) next: Option<String>,
}

/// A page of messages, or the carrier's error.
pub(super) fn parse_page(response: &HttpResponse) -> Result<Page, CarrierError> {
    let page: WirePage = parse_success(response)?;
    Ok(Page {
        messages: page.messages.into_iter().map(RemoteMessage::from).collect(),
        next: page.next_page_uri,
    })
}

/// The ids of a message's files, or the carrier's error.
pub(super) fn parse_media(response: &HttpResponse) -> Result<Vec<String>, CarrierError> {
    #[derive(Deserialize)]
    struct Page {
        media_list: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        sid: String,
    }
    let page: Page = parse_success(response)?;
    Ok(page.media_list.into_iter().map(|file| file.sid).collect())
}

/// What is gone is gone, whoever deleted it.
pub(super) fn parse_deleted(response: &HttpResponse) -> Result<(), CarrierError> {
    if response.status.is_success() || response.status == StatusCode::NOT_FOUND {
        return Ok(());
    }
    Err(parse_error(response))
}

/// Whether a listed message could be the one looked for.
pub(super) fn is_candidate(message: &RemoteMessage, query: &FindQuery) -> bool {
    let by_sender = match &query.sender {
        Sender::From(from) => message.from.as_ref().is_none_or(|sent_from| sent_from == from),
        Sender::Service(sid) => message.service.as_ref() == Some(sid),
    };
    by_sender && message.direction != Some(Direction::Inbound) && !is_before(message, query.since)
}

/// Whether a message is known to be older than an instant.
pub(super) fn is_before(message: &RemoteMessage, instant: DateTime<Utc>) -> bool {
    message.date_created.is_some_and(|created| created < instant)
}

/// The JSON of a success (2xx), or an error.
pub(super) fn parse_success<T: for<'de> Deserialize<'de>>(
    response: &HttpResponse,
) -> Result<T, CarrierError> {
    if !response.status.is_success() || response.status == StatusCode::NO_CONTENT {
        return Err(parse_error(response));
    }
    serde_json::from_slice(&response.body).map_err(|_| unreadable(response))
}

#[derive(Deserialize)]
struct WirePage {
    messages: Vec<Wire>,
    next_page_uri: Option<String>,
}

/// Numbers come as strings in some fields and as numbers in the same ones elsewhere, so those are read loosely.
#[derive(Deserialize)]
struct Wire {
    sid: String,
    status: String,
    to: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    body: Option<String>,
    num_media: Option<Value>,
    num_segments: Option<Value>,
    price: Option<Value>,
    price_unit: Option<String>,
    error_code: Option<Value>,
    error_message: Option<String>,
    date_created: Option<String>,
    date_sent: Option<String>,
    direction: Option<String>,
}

impl From<Wire> for RemoteMessage {
    fn from(wire: Wire) -> Self {
        Self {
            sid: wire.sid,
            status: RemoteStatus::parse(&wire.status),
            to: filled(wire.to),
            from: filled(wire.from),
            service: filled(wire.messaging_service_sid),
            body: wire.body,
            num_media: text(wire.num_media).and_then(|n| n.parse().ok()),
            num_segments: text(wire.num_segments).and_then(|n| n.parse().ok()).filter(|&n| n > 0),
            price_micros: text(wire.price).and_then(|price| parse_micros(&price)).map(|micros| -micros),
            price_currency: filled(wire.price_unit).map(|unit| unit.to_ascii_uppercase()),
            error_code: text(wire.error_code).and_then(|code| code.parse().ok()).filter(|&code| code != 0),
            error_message: filled(wire.error_message),
            date_created: date(wire.date_created.as_deref()),
            date_sent: date(wire.date_sent.as_deref()),
            direction: wire.direction.as_deref().and_then(direction),
        }
    }
}

fn direction(word: &str) -> Option<Direction> {
    match word {
        "inbound" => Some(Direction::Inbound),
        word if word.starts_with("outbound") => Some(Direction::Outbound),
        _ => None,
    }
}

fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// v2010 dates are RFC 2822 (`Thu, 24 Aug 2023 05:01:45 +0000`).
fn date(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text?).ok().map(|date| date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests;

//! `POST …/Messages.json`: reads the parameters, refuses what Twilio refuses, keeps the message and lets it
//! live.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::{
    accounts::AccountState,
    auth::Caller,
    clock,
    connection::Peer,
    errors::Refusal,
    faults::{MessageFaults, Occasion, Operation},
    lifecycle, media,
    message::{Direction, Message, NewMessage, Status},
    mishap,
    optout::Block,
    outcome::Outcome,
    params::Params,
    segments, sid,
    state::Sandbox,
};

const LONGEST_BODY: usize = 1_600;
const MOST_MEDIA: usize = 10;
const LONGEST_VALIDITY: i64 = 36_000;
const LONGEST_SCHEDULE: TimeDelta = TimeDelta::days(35);

/// What a valid request asks for.
struct Order {
    to: String,
    from: Option<String>,
    service: Option<String>,
    body: String,
    media: Vec<String>,
    status_callback: Option<String>,
    validity: Option<u32>,
    send_at: Option<DateTime<Utc>>,
    smart_encoded: bool,
    shorten_urls: bool,
}

/// The handler; scripted faults that befall the request as such strike here.
pub(super) async fn create(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    caller: Caller,
    body: Bytes,
) -> Response {
    let params = Params::parse(&body);
    let occasion = occasion(&caller.account, &params);
    sandbox.stats().requested(occasion.to);
    let fault = sandbox.faults().strike_request(occasion);
    mishap::under(fault, &peer, take(sandbox, caller.account, params)).await
}

fn occasion<'a>(account: &'a str, params: &'a Params) -> Occasion<'a> {
    let from = params.filled("MessagingServiceSid").or_else(|| params.filled("From"));
    Occasion { operation: Operation::Create, account, to: params.filled("To"), from }
}

async fn take(sandbox: Arc<Sandbox>, account: String, params: Params) -> Response {
    match order(&sandbox, &account, &params) {
        Err(refusal) => {
            sandbox.stats().refused += 1;
            refusal.into_response()
        }
        Ok(order) => {
            let faults = sandbox.faults().strike_message(occasion(&account, &params));
            let early = faults.early;
            let message = sandbox.store().add(message(account, order, faults));
            sandbox.stats().accepted(&message.to);
            // As it is now: an early callback must not show in the answer.
            let answer = message.to_json();
            if early {
                lifecycle::start_early(&sandbox, &message).await;
            } else {
                lifecycle::start(&sandbox, &message);
            }
            (StatusCode::CREATED, Json(answer)).into_response()
        }
    }
}

fn message(account: String, order: Order, faults: MessageFaults) -> Message {
    let now = clock::now();
    let mut body = order.body.clone();
    if order.smart_encoded {
        body = segments::smart_encode(&body);
    }
    if faults.alter_body || (order.shorten_urls && order.service.is_some()) {
        body = segments::shorten_links(&body);
    }
    let status = match (&order.service, order.send_at) {
        (None, _) => Status::Queued,
        (Some(_), None) => Status::Accepted,
        (Some(_), Some(_)) => Status::Scheduled,
    };
    let altered = (body != order.body).then_some(order.body);
    let new = NewMessage {
        account,
        service: order.service,
        from: order.from,
        to: order.to,
        direction: Direction::OutboundApi,
        body,
        media: order.media.into_iter().map(media::elsewhere).collect(),
        status,
    };
    let lag = faults.list_lag.and_then(|ms| i64::try_from(ms).ok()).and_then(TimeDelta::try_milliseconds);
    Message {
        given_body: altered,
        status_callback: order.status_callback,
        validity: order.validity,
        send_at: order.send_at,
        listed_from: lag.and_then(|lag| now.checked_add_signed(lag)),
        script: faults.script,
        ..Message::new(new, now)
    }
}

fn order(sandbox: &Sandbox, account: &str, params: &Params) -> Result<Order, Refusal> {
    let to = params.filled("To").ok_or_else(|| Refusal::bad(21604, "A 'To' phone number is required."))?;
    let from = params.filled("From").map(str::to_owned);
    let service = params.filled("MessagingServiceSid").map(str::to_owned);
    if from.is_none() && service.is_none() {
        return Err(Refusal::bad(21603, "A 'From' phone number is required."));
    }
    let (body, media) = content(params)?;
    recipient(to)?;
    sender(sandbox, account, (to, from.as_deref(), service.as_deref()))?;
    let send_at = if service.is_some() { schedule(sandbox, params)? } else { None };
    Ok(Order {
        to: to.to_owned(),
        from,
        service,
        body,
        media,
        status_callback: status_callback(params)?,
        validity: validity(params)?,
        send_at,
        smart_encoded: params.flag("SmartEncoded")?,
        shorten_urls: params.flag("ShortenUrls")?,
    })
}

fn content(params: &Params) -> Result<(String, Vec<String>), Refusal> {
    let body = params.get("Body").unwrap_or_default().to_owned();
    let media: Vec<String> =
        params.all("MediaUrl").filter(|url| !url.is_empty()).map(str::to_owned).collect();
    if body.is_empty() && media.is_empty() {
        return Err(Refusal::bad(21602, "Message body is required."));
    }
    if body.chars().count() > LONGEST_BODY {
        let message = "The concatenated message body exceeds the 1600 character limit.";
        return Err(Refusal::bad(21617, message));
    }
    if media.len() > MOST_MEDIA {
        return Err(Refusal::bad(21623, "Number of media files exceeds allowed limit."));
    }
    if media.iter().any(|url| !is_web_address(url)) {
        return Err(Refusal::bad(21620, "Invalid media URL(s)"));
    }
    Ok((body, media))
}

/// An absolute http or https URL.
pub(super) fn is_web_address(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn recipient(to: &str) -> Result<(), Refusal> {
    match Outcome::of(to) {
        Outcome::Refused(21610) => Err(opted_out()),
        Outcome::Refused(21614) => {
            Err(Refusal::bad(21614, format!("To number: {to}, is not a mobile number")))
        }
        Outcome::Refused(code) => Err(Refusal::bad(code, format!("Invalid 'To' Phone Number: {to}"))),
        _ if is_e164(to) => Ok(()),
        _ => Err(Refusal::bad(21211, format!("Invalid 'To' Phone Number: {to}"))),
    }
}

fn opted_out() -> Refusal {
    Refusal::bad(21610, "Attempt to send to unsubscribed recipient")
}

/// `(to, from, service)` must name senders of the account that may write to the recipient.
fn sender(
    sandbox: &Sandbox,
    account: &str,
    (to, from, service): (&str, Option<&str>, Option<&str>),
) -> Result<(), Refusal> {
    let accounts = sandbox.accounts();
    let account = accounts.get(account).ok_or_else(Refusal::unauthorized)?;
    if from == Some(to) {
        return Err(Refusal::bad(21266, "'To' and 'From' number cannot be the same"));
    }
    if let Some(service) = service {
        check_service(account, service)?;
    }
    if let Some(from) = from {
        check_from(account, from)?;
    }
    let scope =
        service.map_or_else(|| from.map(|from| account.opt_out_scope(from)), |sid| Some(sid.to_owned()));
    let block =
        Block { account: account.sid.clone(), sender: scope.unwrap_or_default(), contact: to.to_owned() };
    if account.handles_stop && sandbox.store().is_blocked(&block) {
        return Err(opted_out());
    }
    Ok(())
}

fn check_service(account: &AccountState, service: &str) -> Result<(), Refusal> {
    if !sid::is("MG", service) {
        return Err(Refusal::bad(21705, format!("The Messaging Service Sid {service} is invalid.")));
    }
    match account.service(service) {
        None => Err(Refusal::bad(21701, "The Messaging Service does not exist")),
        Some(service) if service.numbers.is_empty() => {
            Err(Refusal::bad(21704, "The Messaging Service contains no phone numbers."))
        }
        Some(_) => Ok(()),
    }
}

fn check_from(account: &AccountState, from: &str) -> Result<(), Refusal> {
    if account.number(from).is_some() {
        return Ok(());
    }
    let sender_like = is_e164(from) || from.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    if !sender_like {
        return Err(Refusal::bad(21212, format!("Invalid From Number (caller ID): {from}")));
    }
    let message = format!(
        "The 'From' phone number {from} is not a valid, message-capable Twilio phone number for this destination/account."
    );
    Err(Refusal::bad(21606, message))
}

fn status_callback(params: &Params) -> Result<Option<String>, Refusal> {
    match params.filled("StatusCallback") {
        Some(url) if !is_web_address(url) => {
            Err(Refusal::bad(21609, format!("The 'StatusCallback' URL {url} is not a valid URL.")))
        }
        url => Ok(url.map(str::to_owned)),
    }
}

fn validity(params: &Params) -> Result<Option<u32>, Refusal> {
    let invalid = || Refusal::bad(21624, "The 'ValidityPeriod' must be between 1 and 36000 seconds.");
    match params.integer("ValidityPeriod").map_err(|_| invalid())? {
        None => Ok(None),
        Some(seconds @ 1..=LONGEST_VALIDITY) => Ok(u32::try_from(seconds).ok()),
        Some(_) => Err(invalid()),
    }
}

/// With a messaging service only: without one Twilio drops the scheduling parameters and sends at once.
fn schedule(sandbox: &Sandbox, params: &Params) -> Result<Option<DateTime<Utc>>, Refusal> {
    match params.filled("ScheduleType") {
        None => return Ok(None),
        Some("fixed") => {}
        Some(_) => return Err(Refusal::bad(20001, "Parameter 'ScheduleType' must be 'fixed'")),
    }
    let parse = |text| DateTime::parse_from_rfc3339(text).ok();
    let send_at = params.filled("SendAt").and_then(parse).map(|at| at.with_timezone(&Utc));
    let notice = TimeDelta::from_std(sandbox.timing.schedule_notice).unwrap_or_default();
    let now = clock::now();
    let in_window = |at: &DateTime<Utc>| (now + notice..=now + LONGEST_SCHEDULE).contains(at);
    let refusal =
        || Refusal::bad(35114, "SendAt must be an ISO 8601 time between 15 minutes and 35 days from now");
    send_at.filter(in_window).map(Some).ok_or_else(refusal)
}

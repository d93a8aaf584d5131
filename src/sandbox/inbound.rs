//! A phone texts one of an account's numbers: the carrier keeps the message, sees to opt-out words, calls the
//! number's webhook and sends the replies that its answer asks for.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use serde::Serialize;

use super::{
    accounts::AccountState,
    clock,
    errors::Refusal,
    faults::{Occasion, Operation},
    lifecycle,
    message::{Direction, Media, Message, NewMessage, Status},
    optout::{Block, Keyword},
    segments,
    state::Sandbox,
    store::Filter,
    twiml::{self, Reply},
    webhook::{Answer, Delivery, Webhook},
};

/// Replies between two numbers within [`REPLY_WINDOW`] seconds, then 14107.
const REPLY_LIMIT: usize = 15;
const REPLY_WINDOW: i64 = 30;

/// What a phone sends.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: Vec<Media>,
    /// Whose number `to` is, where several accounts have it.
    pub(super) account: Option<String>,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Received {
    pub(super) sid: String,
    /// HTTP status that the webhook answered; `null` without webhook or answer.
    pub(super) webhook_status: Option<u16>,
    /// The webhook's answer.
    pub(super) twiml: Option<String>,
    /// SIDs of the replies that were sent.
    pub(super) replies: Vec<String>,
    /// Twilio's debugger codes: 11200, 12100, 12200, 12300, 14107, 21610.
    pub(super) errors: Vec<u32>,
}

/// Takes a text; answers when the webhook has been called and its replies are on their way.
pub(super) async fn receive(sandbox: &Arc<Sandbox>, text: Text) -> Result<Received, Refusal> {
    let account = sandbox.accounts().owner(&text.to, text.account.as_deref()).cloned();
    let account = account.ok_or_else(|| Refusal::not_found("number, in no account of the sandbox"))?;
    let kept_bytes = text.media.iter().map(Media::kept_bytes).sum();
    if !sandbox.store().has_room_for_media(kept_bytes) {
        return Err(Refusal::bad(20001, "The sandbox keeps 64 MB of media; reset it to make room"));
    }
    let new = NewMessage {
        account: account.sid.clone(),
        service: account.service_of(&text.to).map(|service| service.sid.clone()),
        from: Some(text.from),
        to: text.to,
        direction: Direction::Inbound,
        body: text.body,
        media: text.media,
        status: Status::Received,
    };
    let message = sandbox.store().add(Message::new(new, clock::now()));
    sandbox.stats().inbound.received += 1;
    lifecycle::charge_later(sandbox, &message);
    answer_keyword(sandbox, &account, &message);
    Ok(announce(sandbox, &account, &message).await)
}

/// Calls the webhook of a message that a journal brought back before it was called.
pub(super) fn resume(sandbox: &Arc<Sandbox>, message: Arc<Message>) {
    let Some(account) = sandbox.accounts().get(&message.account).cloned() else { return };
    let owner = sandbox.clone();
    drop(sandbox.spawn(async move {
        announce(&owner, &account, &message).await;
    }));
}

/// STOP and START change what the carrier lets through, and it answers all three words itself.
fn answer_keyword(sandbox: &Arc<Sandbox>, account: &AccountState, message: &Message) {
    let keyword = Keyword::of(&message.body).filter(|_| account.handles_stop);
    let (Some(keyword), Some(contact)) = (keyword, message.from.clone()) else { return };
    let sender = account.opt_out_scope(&message.to);
    let block = Block { account: account.sid.clone(), sender, contact };
    let answers = match keyword {
        Keyword::Stop => {
            sandbox.store().block(&block);
            true
        }
        // "Yes" is an answer to many questions; it is one to an opt-out only where there was one.
        Keyword::Start => sandbox.store().lift(&block) || !message.body.trim().eq_ignore_ascii_case("yes"),
        Keyword::Help => true,
    };
    if answers {
        let reply = Reply { body: keyword.reply().to_owned(), ..Reply::default() };
        send_reply(sandbox, message, reply);
    }
}

async fn announce(sandbox: &Arc<Sandbox>, account: &AccountState, message: &Arc<Message>) -> Received {
    let mut received = Received { sid: message.sid.clone(), ..Received::default() };
    // Read now: the client may have set another address since the message came.
    let number =
        sandbox.accounts().get(&account.sid).and_then(|account| account.number(&message.to).cloned());
    let hooks = number.map(|number| number.sms_hooks()).unwrap_or_default();
    let occasion = Occasion {
        operation: Operation::Create,
        account: &account.sid,
        to: Some(&message.to),
        from: message.from.as_deref(),
    };
    let copies = sandbox.faults().strike_inbound(occasion);
    let params = params(sandbox, account, message);
    let mut deliveries = Vec::new();
    for copy in 0..=copies {
        let answer = call(sandbox, account, (&hooks, &params), &mut deliveries).await;
        // Twilio's own second delivery is answered like the first; its replies are sent as well.
        act_on(sandbox, account, message, answer, &mut received);
        if copy == 0 {
            received.webhook_status = deliveries.last().and_then(Delivery::status);
        }
    }
    sandbox.store().update(&message.sid, |message| {
        message.webhooks = Some(deliveries);
        Some(())
    });
    received
}

/// One address of a number, and whether it is called by GET.
pub(super) type Hook = (String, bool);

/// Tries the address, then the fallback.
async fn call(
    sandbox: &Sandbox,
    account: &AccountState,
    (hooks, params): (&[Hook], &[(&'static str, String)]),
    deliveries: &mut Vec<Delivery>,
) -> Option<Result<Answer, u32>> {
    for (url, get) in hooks {
        let webhook = Webhook { url: url.clone(), get: *get, params: params.to_vec() };
        let (delivery, answer) = sandbox.webhooks.call(&webhook, &account.auth_token).await;
        let succeeded = delivery.succeeded();
        sandbox.stats().inbound.count(succeeded);
        deliveries.push(delivery);
        if let Some(answer) = answer.filter(|_| succeeded) {
            return Some(Ok(answer));
        }
    }
    (!hooks.is_empty()).then_some(Err(11200))
}

fn act_on(
    sandbox: &Arc<Sandbox>,
    account: &AccountState,
    message: &Message,
    answer: Option<Result<Answer, u32>>,
    received: &mut Received,
) {
    let replies = match answer {
        None => return,
        Some(Err(code)) => Err(code),
        Some(Ok(answer)) => {
            let replies = replies_in(&answer);
            received.twiml = Some(answer.body);
            replies
        }
    };
    let replies = replies.unwrap_or_else(|code| {
        received.errors.push(code);
        Vec::new()
    });
    for reply in replies {
        match check_reply(sandbox, account, message, &reply) {
            Err(code) => received.errors.push(code),
            Ok(()) => received.replies.push(send_reply(sandbox, message, reply)),
        }
    }
}

/// XML is `TwiML`; plain text is the reply itself.
fn replies_in(answer: &Answer) -> Result<Vec<Reply>, u32> {
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        _ if answer.body.trim().is_empty() => Ok(Vec::new()),
        "text/xml" | "application/xml" | "text/html" => twiml::parse(&answer.body),
        "text/plain" => Ok(vec![Reply { body: answer.body.clone(), ..Reply::default() }]),
        _ => Err(12300),
    }
}

fn check_reply(
    sandbox: &Sandbox,
    account: &AccountState,
    message: &Message,
    reply: &Reply,
) -> Result<(), u32> {
    let to = reply.to.as_ref().or(message.from.as_ref()).cloned().unwrap_or_default();
    let from = reply.from.as_ref().unwrap_or(&message.to);
    if reply.body.is_empty() && reply.media.is_empty() {
        return Err(14103);
    }
    let block =
        Block { account: account.sid.clone(), sender: account.opt_out_scope(from), contact: to.clone() };
    let store = sandbox.store();
    if account.handles_stop && store.is_blocked(&block) {
        return Err(21610);
    }
    let filter = Filter {
        to: Some(to),
        from: Some(from.clone()),
        direction: Some(Direction::OutboundReply),
        ..Filter::default()
    };
    let since = clock::now() - TimeDelta::seconds(REPLY_WINDOW);
    let recent = store.newest(&filter).take_while(|reply| reply.created > since).take(REPLY_LIMIT).count();
    if recent >= REPLY_LIMIT { Err(14107) } else { Ok(()) }
}

/// Sends a message from our number back to the phone; answers its SID.
fn send_reply(sandbox: &Arc<Sandbox>, message: &Message, reply: Reply) -> String {
    let media = reply.media.into_iter().map(super::media::elsewhere).collect();
    let new = NewMessage {
        account: message.account.clone(),
        service: message.service.clone(),
        from: Some(reply.from.unwrap_or_else(|| message.to.clone())),
        to: reply.to.or_else(|| message.from.clone()).unwrap_or_default(),
        direction: Direction::OutboundReply,
        body: reply.body,
        media,
        status: Status::Queued,
    };
    let mut sent = Message::new(new, clock::now());
    sent.status_callback = reply.status_callback;
    let sent = sandbox.store().add(sent);
    lifecycle::start(sandbox, &sent);
    sent.sid.clone()
}

fn params(sandbox: &Sandbox, account: &AccountState, message: &Message) -> Vec<(&'static str, String)> {
    let mut params = BTreeMap::from([
        ("MessageSid", message.sid.clone()),
        ("SmsSid", message.sid.clone()),
        ("SmsMessageSid", message.sid.clone()),
        ("AccountSid", message.account.clone()),
        ("From", message.from.clone().unwrap_or_default()),
        ("To", message.to.clone()),
        ("Body", message.body.clone()),
        ("NumMedia", message.media.len().to_string()),
        ("NumSegments", segments::count(&message.body).to_string()),
        ("SmsStatus", "received".to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ]);
    for (key, party) in [("FromCountry", message.from.as_deref()), ("ToCountry", Some(&*message.to))] {
        // Only the country that a test number tells; Twilio leaves the rest empty just as often.
        params.extend(party.filter(|number| number.starts_with("+1")).map(|_| (key, "US".to_owned())));
    }
    params.extend(message.service.clone().map(|service| ("MessagingServiceSid", service)));
    if account.advanced_opt_out {
        params.extend(Keyword::of(&message.body).map(|keyword| ("OptOutType", keyword.as_str().to_owned())));
    }
    let mut params: Vec<_> = params.into_iter().collect();
    for ((url, kind), media) in MEDIA_PARAMS.into_iter().zip(&message.media) {
        params.push((url, format!("{}{}/Media/{}", sandbox.base_url, message.path(), media.sid)));
        params.push((kind, media.content_type.clone()));
    }
    params
}

/// An MMS carries at most ten files.
pub(super) const MEDIA_PARAMS: [(&str, &str); 10] = [
    ("MediaUrl0", "MediaContentType0"),
    ("MediaUrl1", "MediaContentType1"),
    ("MediaUrl2", "MediaContentType2"),
    ("MediaUrl3", "MediaContentType3"),
    ("MediaUrl4", "MediaContentType4"),
    ("MediaUrl5", "MediaContentType5"),
    ("MediaUrl6", "MediaContentType6"),
    ("MediaUrl7", "MediaContentType7"),
    ("MediaUrl8", "MediaContentType8"),
    ("MediaUrl9", "MediaContentType9"),
];

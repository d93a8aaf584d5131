//! The Media resource of messages: list, description, and the bytes behind a redirect, as Twilio serves them
//! from another place.

use std::sync::Arc;

use axum::{
    Json,
    extract::{ConnectInfo, OriginalUri, Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    auth::Caller,
    clock::rfc2822,
    connection::Peer,
    errors::Refusal,
    faults::{Occasion, Operation},
    message::{Media, Message},
    mishap,
    paging::{Cursor, ListUri, Page, PageRequest},
    params::Params,
    sid,
    state::Sandbox,
};

/// A file that stays where its URL says.
pub(super) fn elsewhere(url: String) -> Media {
    let content_type = content_type(&url).to_owned();
    Media { sid: sid::random("ME"), content_type, url: Some(url), base64: None }
}

fn content_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "gif" => "image/gif",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        "pdf" => "application/pdf",
        "vcf" => "text/vcard",
        _ => "image/jpeg",
    }
}

fn to_json(message: &Message, media: &Media) -> Value {
    json!({
        "account_sid": message.account,
        "content_type": media.content_type,
        "date_created": rfc2822(message.created),
        "date_updated": rfc2822(message.created),
        "parent_sid": message.sid,
        "sid": media.sid,
        "uri": format!("{}/Media/{}.json", message.path(), media.sid),
    })
}

fn find(sandbox: &Sandbox, caller: &Caller, path: &str, sid: &str) -> Result<Arc<Message>, Refusal> {
    let found = sandbox.store().get(sid).filter(|message| message.account == caller.account);
    found.ok_or_else(|| Refusal::not_found(path))
}

/// `GET …/Messages/{sid}/Media.json`
pub(super) async fn list(
    State(sandbox): State<Arc<Sandbox>>,
    OriginalUri(uri): OriginalUri,
    Path((_, message_sid)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Json<Value>, Refusal> {
    let message = find(&sandbox, &caller, uri.path(), &message_sid)?;
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    let request = PageRequest::parse(&params)?;
    // A message has ten files at most, so a token never points past the first few.
    let skip = match request.cursor {
        Cursor::Skip(count) => count,
        Cursor::After(position) => usize::try_from(position).unwrap_or(usize::MAX),
        Cursor::Before(_) => request.page.saturating_mul(request.size),
    };
    let rest = message.media.iter().skip(skip);
    let items: Vec<_> = rest.take(request.size).map(|media| to_json(&message, media)).collect();
    let end = skip.saturating_add(items.len());
    let more = message.media.len() > end;
    let list = ListUri { path: uri.path(), params: &params, request };
    Ok(Json(list.answer("media_list", Page { items, more }, Some((skip as u64, end as u64)))))
}

/// `GET …/Messages/{sid}/Media/{ME}.json` describes; without `.json` it leads to the bytes.
pub(super) async fn fetch(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    OriginalUri(uri): OriginalUri,
    Path((_, message_sid, file)): Path<(String, String, String)>,
    caller: Caller,
) -> Response {
    let message = match find(&sandbox, &caller, uri.path(), &message_sid) {
        Ok(message) => message,
        Err(refusal) => return refusal.into_response(),
    };
    let (to, from) = (Some(message.to.as_str()), message.from.as_deref());
    let occasion = Occasion { operation: Operation::Media, account: &caller.account, to, from };
    let fault = sandbox.faults().strike_request(occasion);
    mishap::under(fault, &peer, async move {
        let sid = file.strip_suffix(".json");
        let media = message.media.iter().find(|media| media.sid == sid.unwrap_or(&file));
        match (media, sid) {
            (None, _) => Refusal::not_found(uri.path()).into_response(),
            (Some(media), Some(_)) => Json(to_json(&message, media)).into_response(),
            (Some(media), None) => lead_to(&sandbox, &message, media),
        }
    })
    .await
}

/// `DELETE …/Messages/{sid}/Media/{ME}.json`: the carrier forgets the file; the message stays.
pub(super) async fn delete(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    OriginalUri(uri): OriginalUri,
    Path((_, message_sid, file)): Path<(String, String, String)>,
    caller: Caller,
) -> Response {
    let message = match find(&sandbox, &caller, uri.path(), &message_sid) {
        Ok(message) => message,
        Err(refusal) => return refusal.into_response(),
    };
    let (to, from) = (Some(message.to.as_str()), message.from.as_deref());
    let occasion = Occasion { operation: Operation::Media, account: &caller.account, to, from };
    let fault = sandbox.faults().strike_request(occasion);
    mishap::under(fault, &peer, async move {
        let sid = file.strip_suffix(".json").unwrap_or(&file);
        let forgotten = sandbox.store().update(&message.sid, |message| {
            let before = message.media.len();
            message.media.retain(|media| media.sid != sid);
            (message.media.len() < before).then_some(())
        });
        match forgotten {
            Some(_) => StatusCode::NO_CONTENT.into_response(),
            None => Refusal::not_found(uri.path()).into_response(),
        }
    })
    .await
}

fn lead_to(sandbox: &Sandbox, message: &Message, media: &Media) -> Response {
    let ours = || format!("{}/content/{}/{}", sandbox.base_url, message.sid, media.sid);
    let location = media.url.clone().unwrap_or_else(ours);
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
}

/// `GET /content/{message}/{ME}`: the bytes that are kept here. Like Twilio's content servers it asks for no
/// credentials: who knows the two random identifiers may read.
pub(super) async fn content(
    State(sandbox): State<Arc<Sandbox>>,
    OriginalUri(uri): OriginalUri,
    Path((message_sid, media_sid)): Path<(String, String)>,
) -> Response {
    let message = sandbox.store().get(&message_sid);
    let media =
        message.as_ref().and_then(|message| message.media.iter().find(|media| media.sid == media_sid));
    let kept = media.and_then(|media| Some((media, STANDARD.decode(media.base64.as_ref()?).ok()?)));
    match kept {
        Some((media, bytes)) => ([(header::CONTENT_TYPE, media.content_type.clone())], bytes).into_response(),
        None => Refusal::not_found(uri.path()).into_response(),
    }
}

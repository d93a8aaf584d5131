//! Tells the client's `StatusCallback` what became of a message: one after the other per message, or
//! duplicated, reordered and dropped as a scripted fault wants it.

use std::{mem, sync::Arc};

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

use super::{
    message::{Callback, Message, Status},
    state::Sandbox,
    webhook::{Delivery, Webhook},
};

/// The callbacks of one message on their way.
pub(super) struct Outbox {
    sandbox: Arc<Sandbox>,
    /// Resolves once the callback before has been answered.
    previous: Option<JoinHandle<()>>,
    /// Held back by the reordering fault.
    held: Option<(Arc<Message>, Status)>,
    reordered: bool,
}

impl Outbox {
    pub(super) const fn new(sandbox: Arc<Sandbox>) -> Self {
        Self { sandbox, previous: None, held: None, reordered: false }
    }

    /// Tells that `message` reached `status`, without waiting for the answer.
    pub(super) fn tell(&mut self, message: &Arc<Message>, status: Status) {
        if message.status_callback.is_none() {
            return;
        }
        if message.script.reorder && !mem::replace(&mut self.reordered, true) {
            self.held = Some((message.clone(), status));
            return;
        }
        self.send(message.clone(), status);
        if let Some((message, status)) = self.held.take() {
            self.send(message, status);
        }
    }

    fn send(&mut self, message: Arc<Message>, status: Status) {
        let previous = self.previous.take();
        let sandbox = self.sandbox.clone();
        self.previous = Some(self.sandbox.spawn(async move {
            if let Some(previous) = previous {
                // A callback that was cancelled by a reset leaves nothing to wait for.
                let _ = previous.await;
            }
            deliver(&sandbox, &message, status).await;
        }));
    }

    /// Waits until everything told so far has been answered.
    pub(super) async fn settle(&mut self) {
        if let Some(previous) = self.previous.take() {
            // As above.
            let _ = previous.await;
        }
    }

    /// Sends what the reordering fault still holds back.
    pub(super) fn close(mut self) {
        if let Some((message, status)) = self.held.take() {
            self.send(message, status);
        }
    }
}

async fn deliver(sandbox: &Arc<Sandbox>, message: &Message, status: Status) {
    let Some(url) = message.status_callback.clone() else { return };
    if message.script.drops(status) {
        sandbox.stats().callbacks.dropped += 1;
        let delivery = Delivery { url, attempts: Vec::new() };
        record(sandbox, message, Callback { status, dropped: true, delivery });
        return;
    }
    let Some(auth_token) = sandbox.auth_token(&message.account) else { return };
    let at = message
        .history
        .iter()
        .find(|moment| moment.status == status)
        .map_or(message.updated, |moment| moment.at);
    let webhook = Webhook { url, get: false, params: params(message, status, at) };
    for _ in 0..=message.script.copies {
        let (delivery, _) = sandbox.webhooks.call(&webhook, &auth_token).await;
        sandbox.stats().callbacks.count(delivery.succeeded());
        record(sandbox, message, Callback { status, dropped: false, delivery });
    }
}

fn record(sandbox: &Sandbox, message: &Message, callback: Callback) {
    let updated = message.updated;
    sandbox.store().update(&message.sid, |message| {
        message.callbacks.push(callback);
        Some(updated)
    });
}

fn params(message: &Message, status: Status, at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let status_word = status.as_str().to_owned();
    let mut params = vec![
        ("MessageSid", message.sid.clone()),
        ("MessageStatus", status_word.clone()),
        ("SmsSid", message.sid.clone()),
        ("SmsStatus", status_word),
        ("To", message.to.clone()),
        ("AccountSid", message.account.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    params.extend(message.from.clone().map(|from| ("From", from)));
    params.extend(message.service.clone().map(|service| ("MessagingServiceSid", service)));
    match status {
        Status::Failed | Status::Undelivered => {
            params.extend(message.error.map(|code| ("ErrorCode", code.to_string())));
        }
        Status::Delivered => params.push(("RawDlrDoneDate", at.format("%y%m%d%H%M").to_string())),
        _ => {}
    }
    params
}

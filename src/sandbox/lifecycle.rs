//! How an outbound message lives on after it was accepted: queued, sent, delivered or not, priced. The steps
//! are a pure function; one task a message walks them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::sleep};

use super::{
    callbacks::Outbox,
    clock, inbound,
    message::{Direction, Message, Moment, Status},
    outcome::Outcome,
    price,
    settings::Timing,
    state::Sandbox,
};

/// What echo phones put before the text that they send back, and do not echo again.
const ECHO: &str = "Echo: ";

/// The next thing to happen to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) status: Status,
    pub(super) error: Option<u32>,
}

/// The step that follows, by the status and the recipient; `None` at the end.
pub(super) fn next(message: &Message, timing: &Timing) -> Option<Step> {
    let (after, status, error) = match (message.status, Outcome::of(&message.to)) {
        (Status::Scheduled, _) => {
            let notice = message.send_at? - clock::now();
            (notice.to_std().unwrap_or_default(), Status::Queued, None)
        }
        (Status::Accepted, _) => (timing.accepted_to_queued, Status::Queued, None),
        (Status::Queued, Outcome::Stuck) => {
            (Duration::from_secs(message.validity?.into()), Status::Failed, Some(30036))
        }
        (Status::Queued, Outcome::Failed(code)) => (timing.queued_to_sent, Status::Failed, Some(code)),
        (Status::Queued, _) => (timing.queued_to_sent, Status::Sent, None),
        (Status::Sent, Outcome::NoReceipt) => return None,
        (Status::Sent, Outcome::Slow) => (timing.slow, Status::Delivered, None),
        (Status::Sent, Outcome::Undelivered(code)) => {
            (timing.sent_to_delivered, Status::Undelivered, Some(code))
        }
        (Status::Sent, _) => (timing.sent_to_delivered, Status::Delivered, None),
        _ => return None,
    };
    Some(Step { after, status, error })
}

/// Lets a message live, also one that a journal brought back half-way.
pub(super) fn start(sandbox: &Arc<Sandbox>, message: &Message) {
    let life = live(sandbox.clone(), message.sid.clone(), None);
    drop(sandbox.spawn(life));
}

/// The same, but its first step is taken at once; resolves when the client has answered the callback for it.
pub(super) async fn start_early(sandbox: &Arc<Sandbox>, message: &Message) {
    let (told, early) = oneshot::channel();
    let life = live(sandbox.clone(), message.sid.clone(), Some(told));
    drop(sandbox.spawn(life));
    // A message without a next step has no early callback, and drops the sender.
    let _ = early.await;
}

async fn live(sandbox: Arc<Sandbox>, sid: String, mut early: Option<oneshot::Sender<()>>) {
    let Some(mut message) = sandbox.store().get(&sid) else { return };
    let mut outbox = Outbox::new(sandbox.clone());
    for status in message.owed_callbacks() {
        outbox.tell(&message, status);
    }
    if message.sent.is_some() && message.price.is_none() {
        charge_later(&sandbox, &message);
    }
    while let Some(step) = next(&message, &sandbox.timing) {
        if early.is_none() && !wait(&sandbox, &message, step.after).await {
            break;
        }
        let Some(reached) = advance(&sandbox, &message, step) else { break };
        message = reached;
        outbox.tell(&message, step.status);
        if let Some(told) = early.take() {
            outbox.settle().await;
            // The request that waited may be gone.
            let _ = told.send(());
        }
        match step.status {
            Status::Sent => charge_later(&sandbox, &message),
            Status::Delivered => echo_later(&sandbox, &message),
            _ => {}
        }
    }
    outbox.close();
}

/// Answers false when the message was canceled meanwhile.
async fn wait(sandbox: &Sandbox, message: &Message, time: Duration) -> bool {
    if message.status != Status::Scheduled {
        // A zero sleep still waits for the timer's next tick.
        if !time.is_zero() {
            sleep(time).await;
        }
        return true;
    }
    let mut canceled = sandbox.cancellations.subscribe();
    let cancellation = async {
        while let Ok(sid) = canceled.recv().await {
            if sid == message.sid {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = sleep(time) => true,
        () = cancellation => false,
    }
}

/// Takes one step, unless the message has changed or gone since it was planned.
fn advance(sandbox: &Sandbox, planned: &Message, step: Step) -> Option<Arc<Message>> {
    let sender = match &planned.from {
        Some(_) => None,
        None => sandbox.choose_sender(&planned.account, planned.service.as_deref()?, &planned.to),
    };
    let advanced = sandbox.store().update(&planned.sid, |message| {
        if message.status != planned.status {
            return None;
        }
        let now = clock::now();
        message.status = step.status;
        message.error = step.error;
        message.history.push(Moment { status: step.status, at: now });
        if step.status == Status::Sent {
            message.sent = Some(now);
        }
        if sender.is_some() {
            message.from = sender;
        }
        Some(())
    });
    advanced.map(|(message, ())| message)
}

/// The price becomes known some time after sending.
pub(super) fn charge_later(sandbox: &Arc<Sandbox>, message: &Message) {
    let (owner, sid) = (sandbox.clone(), message.sid.clone());
    drop(sandbox.spawn(async move {
        sleep(owner.timing.price).await;
        owner.store().update(&sid, |message| {
            message.price = Some(price::of(message));
            Some(())
        });
    }));
}

/// An echo phone answers what the API sent it; not replies, and not its own words, so that two machines never
/// talk for ever.
fn echo_later(sandbox: &Arc<Sandbox>, message: &Arc<Message>) {
    let answers = Outcome::of(&message.to) == Outcome::Echo
        && message.direction == Direction::OutboundApi
        && !message.body.starts_with(ECHO);
    let Some(our_number) = message.from.clone().filter(|_| answers) else { return };
    let text = inbound::Text {
        from: message.to.clone(),
        to: our_number,
        body: format!("{ECHO}{}", message.body),
        media: Vec::new(),
        account: Some(message.account.clone()),
    };
    let owner = sandbox.clone();
    drop(sandbox.spawn(async move {
        sleep(owner.timing.echo).await;
        if let Err(refusal) = inbound::receive(&owner, text).await {
            tracing::warn!(code = refusal.code, "sandbox: the echo could not be received");
        }
    }));
}

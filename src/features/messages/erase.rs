//! `eraseContact`: a person is forgotten. The contact with its names and numbers goes at once, the threads lose the number at
//! once, and the `erase_conversation` job goes through their messages: texts, files, numbers, here and at the carrier.
//! Refusals to receive messages stay, since they protect that person.

use std::ops::ControlFlow;

use chrono::Duration;
use entity::{
    Tenanted, contact, contact_number, conversation,
    enums::{MessageStatus, TimelineKind},
    ids::{ContactId, ConversationId, MessageId, OrganizationId},
    message,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, IntoActiveModel, ModelTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use serde_json::{Value, json};

use super::{
    deliver,
    redact::{self, Extent},
    snapshot,
    status::{self, Change},
    timeline,
};
use crate::base::{
    audit,
    caller::Permission,
    ctx::Ctx,
    error::{Error, Result},
    events,
    jobs::{Handler, Lease, NewJob, ONE_OFF, Outcome},
    tx::Tx,
};

/// Kind of the job; its subject is the conversation's public id.
pub const KIND: &str = "erase_conversation";
/// Messages looked for at once.
const BATCH: u64 = 50;
/// When messages that are being handed over are looked at again.
const AGAIN: Duration = Duration::seconds(30);

/// Forgets a person; gives how many threads lose their messages from now on.
pub async fn erase_contact(ctx: &Ctx, id: ContactId) -> Result<(ContactId, i32)> {
    let organization = ctx.require(Permission::DataManage)?;
    let tx = ctx.begin().await?;
    let contact = contact::Entity::in_org(organization).filter(contact::Column::Id.eq(id));
    let contact = contact.lock_exclusive().one(&*tx).await?;
    let contact = contact.ok_or_else(|| Error::not_found().at(&["contactId"]))?;
    let threads = threads_of(&tx, &contact).await?;
    let count = i32::try_from(threads.len()).unwrap_or(i32::MAX);
    for thread in threads {
        forget_number(ctx, &tx, thread).await?;
    }
    events::rewrite(&*tx, organization, &id.to_string(), forget_person).await?;
    contact.delete(&*tx).await?;
    audit::record(ctx, &*tx, "eraseContact", Some(id.to_string()), json!({ "conversations": count })).await?;
    tx.commit().await?;
    Ok((id, count))
}

/// By the link and by the numbers, whichever still holds.
async fn threads_of(tx: &Tx, contact: &contact::Model) -> Result<Vec<conversation::Model>> {
    let numbers: Vec<String> = contact_number::Entity::in_org(contact.organization_id)
        .select_only()
        .column(contact_number::Column::PhoneNumber)
        .filter(contact_number::Column::ContactId.eq(contact.id))
        .into_tuple()
        .all(&**tx)
        .await?;
    let either = Condition::any()
        .add(conversation::Column::ContactId.eq(contact.id))
        .add(conversation::Column::ContactNumber.is_in(numbers));
    let rows = conversation::Entity::in_org(contact.organization_id).filter(either);
    Ok(rows.order_by_asc(conversation::Column::Id).lock_exclusive().all(&**tx).await?)
}

/// What the person sends from now on begins another thread.
async fn forget_number(ctx: &Ctx, tx: &Tx, thread: conversation::Model) -> Result<()> {
    let (organization, id) = (thread.organization_id, thread.id);
    let mut row = thread.into_active_model();
    row.contact_number = Set(stand_in(id));
    row.contact_id = Set(None);
    let thread = row.update(&**tx).await?;
    events::rewrite(&**tx, organization, &id.to_string(), |data| {
        if let Some(told) = data.get_mut("conversation") {
            told["contact_number"] = json!(thread.contact_number);
            told["contact_id"] = Value::Null;
        }
    })
    .await?;
    tx.emit(snapshot::of_conversation(&thread)?);
    let job = NewJob {
        organization_id: organization,
        kind: KIND,
        subject: id.to_string(),
        payload: json!({}),
        priority: ONE_OFF,
        run_at: ctx.now(),
    };
    tx.enqueue(job, ctx.now()).await
}

/// Stands for the number of somebody who was erased: one a thread, so that threads stay apart.
fn stand_in(thread: ConversationId) -> String {
    thread.to_string().replacen(ConversationId::PREFIX, "erased_", 1)
}

fn forget_person(data: &mut Value) {
    for name in ["name", "externalId"] {
        data[name] = Value::Null;
    }
    (data["phoneNumbers"], data["metadata"]) = (json!([]), json!({}));
}

/// Runs `erase_conversation` jobs.
#[derive(Debug)]
pub struct Erase;

#[async_trait::async_trait]
impl Handler for Erase {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Every message in a transaction of its own: a run that is cut off goes on where it was.
    async fn run(&self, ctx: &Ctx, lease: &Lease) -> Result<Outcome> {
        let thread: ConversationId = lease.job.subject.parse().map_err(Error::internal)?;
        let organization = ctx.organization()?;
        let (mut after, mut waiting) = (MessageId(uuid::Uuid::nil()), false);
        loop {
            if lease.left() < ctx.hub.config.delivery.job_lease / 2 {
                // Long threads take several runs; none of them has failed.
                return Ok(Outcome::At(ctx.now()));
            }
            let batch = remaining(ctx, organization, thread, after).await?;
            let Some(last) = batch.last() else { break };
            after = *last;
            for id in batch {
                waiting |= erase(ctx, lease, id, thread).await?.is_break();
            }
        }
        Ok(if waiting { Outcome::At(ctx.now() + AGAIN) } else { Outcome::Done })
    }
}

/// Messages of the thread that still name the person, by id.
async fn remaining(
    ctx: &Ctx,
    organization: OrganizationId,
    thread: ConversationId,
    after: MessageId,
) -> Result<Vec<MessageId>> {
    use message::Column as C;
    let gone = stand_in(thread);
    let rows = message::Entity::in_org(organization)
        .select_only()
        .column(C::Id)
        .filter(C::ConversationId.eq(thread))
        .filter(C::Sender.ne(gone.as_str()))
        .filter(C::Recipient.ne(gone.as_str()))
        .filter(C::Id.gt(after))
        .order_by_asc(C::Id)
        .limit(BATCH);
    Ok(rows.into_tuple().all(ctx.db()).await?)
}

/// `Break`: the message is being handed over; it has to be looked at again.
async fn erase(ctx: &Ctx, lease: &Lease, id: MessageId, thread: ConversationId) -> Result<ControlFlow<()>> {
    let tx = ctx.begin().await?;
    let message = status::locked(&tx, id).await?;
    lease.assert_held(&tx).await?;
    let Some(message) = message else { return Ok(ControlFlow::Continue(())) };
    let waits = matches!(message.status, MessageStatus::Scheduled | MessageStatus::Queued);
    if !waits && redact::is_needed(&message) {
        return Ok(ControlFlow::Break(()));
    }
    // Before anything else is told of it: the event of the withdrawal must not tell what is erased.
    let message = redact::blank(ctx, &tx, message, Extent::Person(&stand_in(thread))).await?;
    if waits {
        withdraw(ctx, &tx, message).await?;
    }
    tx.commit().await?;
    Ok(ControlFlow::Continue(()))
}

/// Nothing is sent to somebody who was erased.
async fn withdraw(ctx: &Ctx, tx: &Tx, message: message::Model) -> Result<()> {
    timeline::add(tx, &message, ctx.now(), [(TimelineKind::Canceled, json!({ "why": "erased" }))]).await?;
    let id = message.id;
    let change = Change { status: Some(MessageStatus::Canceled), ..Change::default() };
    status::apply(ctx, tx, message, change).await?;
    deliver::withdraw(tx, id).await
}

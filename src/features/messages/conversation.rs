//! Conversations: one row for (our sender, other phone), made by the first message and touched by each.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    contact_number, conversation,
    enums::Direction,
    ids::{ContactId, ConversationId, MessageId, NumberId, OrganizationId},
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};

use super::snapshot;
use crate::base::{
    caller::Permission,
    ctx::Ctx,
    error::{Error, Result},
    tx::Tx,
};

/// A message that joins its conversation.
#[derive(Clone, Debug)]
pub struct Touch<'a> {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// Our sender's row.
    pub number_id: Option<NumberId>,
    /// Our sender's address.
    pub sender: &'a str,
    /// The other phone.
    pub contact_number: &'a str,
    /// The message that joins.
    pub message_id: MessageId,
    /// Inbound ones count as unread.
    pub direction: Direction,
    /// When.
    pub at: DateTime<Utc>,
}

/// Makes or touches the conversation and tells subscribers.
pub async fn touch(tx: &Tx, touch: Touch<'_>) -> Result<conversation::Model> {
    let mut touched = touch_all(tx, vec![touch]).await?;
    touched.pop().ok_or_else(|| Error::internal("the conversation was not returned"))
}

/// The same for several messages: gives each one's conversation, in their order. Messages of one conversation touch its
/// row once, the last of them counts. Rows are written in one order, so that two transactions cannot wait for each other.
pub async fn touch_all(tx: &Tx, touches: Vec<Touch<'_>>) -> Result<Vec<conversation::Model>> {
    let contacts = contacts_of(&**tx, &touches).await?;
    let mut rows: BTreeMap<Pair<'_>, conversation::ActiveModel> = BTreeMap::new();
    for touch in &touches {
        let contact = contacts.get(&(touch.organization_id, touch.contact_number.to_owned())).copied();
        let mut new = row(touch, contact);
        if let Some(before) = rows.get(&touch.pair()) {
            new.unread_count = Set(before.unread_count.as_ref() + new.unread_count.as_ref());
        }
        rows.insert(touch.pair(), new);
    }
    let again = OnConflict::columns([
        conversation::Column::OrganizationId,
        conversation::Column::Sender,
        conversation::Column::ContactNumber,
    ])
    .update_columns([
        conversation::Column::NumberId,
        conversation::Column::LastMessageId,
        conversation::Column::LastMessageAt,
        conversation::Column::LastDirection,
    ])
    .value(
        conversation::Column::UnreadCount,
        Expr::cust("conversations.unread_count + excluded.unread_count"),
    )
    .value(
        conversation::Column::ContactId,
        Expr::cust("COALESCE(conversations.contact_id, excluded.contact_id)"),
    )
    .to_owned();
    let now: Vec<conversation::Model> = conversation::Entity::insert_many(rows.into_values())
        .on_conflict(again)
        .exec_with_returning(&**tx)
        .await?;
    for conversation in &now {
        tx.emit(snapshot::of_conversation(conversation)?);
    }
    let by_pair: HashMap<Pair<'_>, &conversation::Model> =
        now.iter().map(|row| (pair_of(row), row)).collect();
    let found = touches.iter().map(|touch| by_pair.get(&touch.pair()).copied().cloned());
    found.collect::<Option<_>>().ok_or_else(|| Error::internal("a conversation was not returned"))
}

/// What makes a conversation: the tenant, our sender, the other phone.
type Pair<'a> = (OrganizationId, &'a str, &'a str);

impl Touch<'_> {
    const fn pair(&self) -> Pair<'_> {
        (self.organization_id, self.sender, self.contact_number)
    }
}

fn pair_of(row: &conversation::Model) -> Pair<'_> {
    (row.organization_id, &row.sender, &row.contact_number)
}

fn row(touch: &Touch<'_>, contact_id: Option<ContactId>) -> conversation::ActiveModel {
    conversation::ActiveModel {
        id: Set(ConversationId::new()),
        organization_id: Set(touch.organization_id),
        number_id: Set(touch.number_id),
        sender: Set(touch.sender.to_owned()),
        contact_number: Set(touch.contact_number.to_owned()),
        contact_id: Set(contact_id),
        last_message_id: Set(Some(touch.message_id)),
        last_message_at: Set(touch.at),
        last_direction: Set(touch.direction),
        unread_count: Set(i32::from(touch.direction == Direction::Inbound)),
        last_read_at: Set(None),
        created_at: Set(touch.at),
    }
}

/// Who has these numbers, as far as each organisation knows.
async fn contacts_of(
    db: &impl ConnectionTrait,
    touches: &[Touch<'_>],
) -> Result<HashMap<(OrganizationId, String), ContactId>> {
    let of = |touch: &Touch<'_>| {
        contact_number::Column::OrganizationId
            .eq(touch.organization_id)
            .and(contact_number::Column::PhoneNumber.eq(touch.contact_number))
    };
    let any = touches.iter().fold(Condition::any(), |any, touch| any.add(of(touch)));
    let rows = contact_number::Entity::find().filter(any).all(db).await?;
    Ok(rows.into_iter().map(|row| ((row.organization_id, row.phone_number), row.contact_id)).collect())
}

/// Sets the unread count to nothing.
pub async fn mark_read(ctx: &Ctx, id: ConversationId) -> Result<conversation::Model> {
    let organization = ctx.require(Permission::MessagesSend)?;
    let tx = ctx.begin().await?;
    let mut read = conversation::Entity::update_many()
        .col_expr(conversation::Column::UnreadCount, 0.into())
        .col_expr(conversation::Column::LastReadAt, Some(ctx.now()).into())
        .filter(conversation::Column::OrganizationId.eq(organization))
        .filter(conversation::Column::Id.eq(id))
        .exec_with_returning(&*tx)
        .await?;
    let conversation = read.pop().ok_or_else(|| Error::not_found().at(&["conversationId"]))?;
    tx.emit(snapshot::of_conversation(&conversation)?);
    let detail = serde_json::json!({});
    crate::base::audit::record(ctx, &*tx, "markConversationRead", Some(id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(conversation)
}

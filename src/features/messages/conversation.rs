//! Conversations: one row for (our sender, other phone), made by the first message and touched by each.

use chrono::{DateTime, Utc};
use entity::{
    Tenanted, contact_number, conversation,
    enums::Direction,
    ids::{ContactId, ConversationId, MessageId, NumberId, OrganizationId},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set,
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
    let contact_id = contact_of(&**tx, touch.organization_id, touch.contact_number).await?;
    let unread = i32::from(touch.direction == Direction::Inbound);
    let row = conversation::ActiveModel {
        id: Set(ConversationId::new()),
        organization_id: Set(touch.organization_id),
        number_id: Set(touch.number_id),
        sender: Set(touch.sender.to_owned()),
        contact_number: Set(touch.contact_number.to_owned()),
        contact_id: Set(contact_id),
        last_message_id: Set(Some(touch.message_id)),
        last_message_at: Set(touch.at),
        last_direction: Set(touch.direction),
        unread_count: Set(unread),
        last_read_at: Set(None),
        created_at: Set(touch.at),
    };
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
    let conversation =
        conversation::Entity::insert(row).on_conflict(again).exec_with_returning(&**tx).await?;
    tx.emit(snapshot::of_conversation(&conversation)?);
    Ok(conversation)
}

/// Who has this number, if the organisation knows.
async fn contact_of(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    phone_number: &str,
) -> Result<Option<ContactId>> {
    let row = contact_number::Entity::in_org(organization)
        .filter(contact_number::Column::PhoneNumber.eq(phone_number))
        .one(db)
        .await?;
    Ok(row.map(|row| row.contact_id))
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

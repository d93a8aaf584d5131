//! The numbers of contacts: one number belongs to one contact of an organisation, and its conversations with it.

use entity::{
    Tenanted, contact, contact_number, conversation,
    ids::{ContactId, ContactNumberId, OrganizationId},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set,
    sea_query::{Expr, OnConflict},
};

use super::notice;
use crate::base::{
    ctx::Ctx,
    error::{Error, ErrorCode, Result, is_unique_violation},
    phone::PhoneNumber,
    tx::Tx,
};

/// The contact that a number belongs to.
pub async fn linked_contact(
    db: &impl ConnectionTrait,
    organization: OrganizationId,
    number: &str,
) -> Result<Option<ContactId>> {
    let row = contact_number::Entity::in_org(organization)
        .filter(contact_number::Column::PhoneNumber.eq(number))
        .one(db)
        .await?;
    Ok(row.map(|row| row.contact_id))
}

/// The contact that a number belongs to; an unknown number gets a new, nameless one. For inbound messages: two that
/// come at the same moment find the same contact.
pub async fn ensure(
    ctx: &Ctx,
    tx: &Tx,
    organization: OrganizationId,
    number: &PhoneNumber,
) -> Result<ContactId> {
    if let Some(known) = linked_contact(&**tx, organization, number.as_str()).await? {
        return Ok(known);
    }
    let now = ctx.now();
    let contact = contact::ActiveModel {
        id: Set(ContactId::new()),
        organization_id: Set(organization),
        name: Set(None),
        external_id: Set(None),
        metadata: Set(serde_json::json!({})),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let contact = contact.insert(&**tx).await?;
    let unless_known =
        OnConflict::columns([contact_number::Column::OrganizationId, contact_number::Column::PhoneNumber])
            .do_nothing()
            .to_owned();
    let inserted = contact_number::Entity::insert(row(&contact, number.as_str(), 0))
        .on_conflict(unless_known)
        .exec_without_returning(&**tx)
        .await?;
    if inserted == 1 {
        link(tx, &contact, std::slice::from_ref(&number.as_str().to_owned())).await?;
        tx.emit(notice::contact_updated(&contact, &[number.as_str().to_owned()]));
        return Ok(contact.id);
    }
    contact::Entity::delete_by_id(contact.id).exec(&**tx).await?;
    let winner = linked_contact(&**tx, organization, number.as_str()).await?;
    winner.ok_or_else(|| Error::unavailable("a contact came and went"))
}

/// Replaces the numbers of a contact. CONFLICT when one belongs to another contact.
pub async fn replace(tx: &Tx, contact: &contact::Model, numbers: &[String]) -> Result<()> {
    contact_number::Entity::delete_many()
        .filter(contact_number::Column::ContactId.eq(contact.id))
        .exec(&**tx)
        .await?;
    let rows = (0..).zip(numbers).map(|(position, number)| row(contact, number, position));
    let rows: Vec<contact_number::ActiveModel> = rows.collect();
    if !rows.is_empty() {
        contact_number::Entity::insert_many(rows).exec_without_returning(&**tx).await.map_err(taken)?;
    }
    link(tx, contact, numbers).await
}

/// Gives the contact the conversations with its numbers, and takes those from it that it has no more.
async fn link(tx: &Tx, contact: &contact::Model, numbers: &[String]) -> Result<()> {
    let numbers = || numbers.iter().map(String::as_str);
    conversation::Entity::update_many()
        .col_expr(conversation::Column::ContactId, Expr::value(None::<ContactId>))
        .filter(conversation::Column::ContactId.eq(contact.id))
        .filter(conversation::Column::ContactNumber.is_not_in(numbers()))
        .exec(&**tx)
        .await?;
    conversation::Entity::update_many()
        .col_expr(conversation::Column::ContactId, Expr::value(Some(contact.id)))
        .filter(conversation::Column::OrganizationId.eq(contact.organization_id))
        .filter(conversation::Column::ContactNumber.is_in(numbers()))
        .exec(&**tx)
        .await?;
    Ok(())
}

fn row(contact: &contact::Model, number: &str, position: i32) -> contact_number::ActiveModel {
    contact_number::ActiveModel {
        id: Set(ContactNumberId::new()),
        organization_id: Set(contact.organization_id),
        contact_id: Set(contact.id),
        phone_number: Set(number.to_owned()),
        position: Set(position),
    }
}

fn taken(error: DbErr) -> Error {
    if is_unique_violation(&error) { belongs_to_another() } else { error.into() }
}

/// The answer when a number is another contact's.
pub fn belongs_to_another() -> Error {
    let text =
        "One of these numbers belongs to another contact. Give the contact's id to say which one you mean.";
    Error::new(ErrorCode::Conflict, text).at(&["phoneNumbers"])
}

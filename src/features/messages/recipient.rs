//! To whom: a number in any common writing, or a contact's first number.

use entity::{
    Tenanted, contact, contact_number,
    ids::{ContactId, OrganizationId},
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::base::{
    ctx::Ctx,
    error::{Error, ErrorCode, Result},
    phone::{PhoneNumber, Region},
    region,
};

/// The one recipient of a message.
#[derive(Clone, Debug, Serialize)]
pub enum Recipient {
    /// As the client wrote it.
    PhoneNumber(String),
    /// A contact of the organisation.
    Contact(ContactId),
}

/// The number to write to; national writings are read in the organisation's region.
pub async fn number_of(
    ctx: &Ctx,
    organization: OrganizationId,
    recipient: &Recipient,
) -> Result<PhoneNumber> {
    match recipient {
        Recipient::PhoneNumber(text) => {
            let is_international = text.trim_start().starts_with('+');
            let region =
                if is_international { Region::US } else { region::of(ctx.db(), organization).await? };
            PhoneNumber::parse(text, region).map_err(|reason| {
                Error::new(ErrorCode::InvalidNumber, reason.to_string()).at(&["to", "phoneNumber"])
            })
        }
        Recipient::Contact(id) => first_number(ctx, *id).await,
    }
}

async fn first_number(ctx: &Ctx, id: ContactId) -> Result<PhoneNumber> {
    let organization = ctx.organization()?;
    let number = contact_number::Entity::in_org(organization)
        .filter(contact_number::Column::ContactId.eq(id))
        .order_by_asc(contact_number::Column::Position)
        .one(ctx.db())
        .await?;
    if let Some(row) = number {
        return PhoneNumber::parse_e164(&row.phone_number).map_err(Error::internal);
    }
    let exists =
        contact::Entity::in_org(organization).filter(contact::Column::Id.eq(id)).one(ctx.db()).await?;
    Err(match exists {
        Some(_) => Error::new(ErrorCode::InvalidNumber, "This contact has no phone number."),
        None => Error::not_found(),
    }
    .at(&["to", "contactId"]))
}

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
    /// In any common writing; [`normalised`] makes it one.
    PhoneNumber(String),
    /// A contact of the organisation.
    Contact(ContactId),
}

/// The recipient in one spelling, so that a repeated call is known whichever way it writes the number. What is no number
/// stays as it is: [`number_of`] refuses it.
pub async fn normalised(ctx: &Ctx, organization: OrganizationId, recipient: Recipient) -> Result<Recipient> {
    let Recipient::PhoneNumber(text) = &recipient else { return Ok(recipient) };
    let number = PhoneNumber::parse(text, region_for(ctx, organization, text).await?);
    Ok(number.map_or(recipient, |number| Recipient::PhoneNumber(number.to_string())))
}

/// The number to write to; national writings are read in the organisation's region.
pub async fn number_of(
    ctx: &Ctx,
    organization: OrganizationId,
    recipient: &Recipient,
) -> Result<PhoneNumber> {
    match recipient {
        Recipient::PhoneNumber(text) => PhoneNumber::parse(text, region_for(ctx, organization, text).await?)
            .map_err(|reason| {
                Error::new(ErrorCode::InvalidNumber, reason.to_string()).at(&["to", "phoneNumber"])
            }),
        Recipient::Contact(id) => first_number(ctx, *id).await,
    }
}

/// Where a number without a country code is read; what has one needs no look-up.
async fn region_for(ctx: &Ctx, organization: OrganizationId, text: &str) -> Result<Region> {
    if text.trim_start().starts_with('+') { Ok(Region::US) } else { region::of(ctx.db(), organization).await }
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

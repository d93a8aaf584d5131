//! Reads contacts, one by one, in pages, or by many numbers at once; always inside the caller's organisation.

use std::collections::HashMap;

use async_graphql::InputObject;
use entity::{Tenanted, contact, contact_number, ids::ContactId};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, Select};

use crate::{
    base::{
        caller::Permission,
        ctx::Ctx,
        error::{Error, Result},
        phone::{PhoneNumber, Region},
        region,
    },
    graphql::{
        loader::Fetch,
        page::{self, Page, PageArgs, Sort},
        scalars::PhoneNumberText,
    },
};

/// Numbers that may be asked for at once.
const MOST_NUMBERS: usize = 500;

/// Which contacts; every condition that is given must hold.
#[derive(InputObject, Default)]
pub struct ContactFilter {
    /// The contact with this number, in any common writing.
    pub phone_number: Option<PhoneNumberText>,
    /// The contact with this id of the organisation's own.
    pub external_id: Option<String>,
}

/// The organisation's contacts, newest first.
pub async fn list(ctx: &Ctx, filter: ContactFilter, args: PageArgs) -> Result<Page<contact::Entity>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    let mut select = contact::Entity::in_org(organization);
    if let Some(external_id) = filter.external_id {
        select = select.filter(contact::Column::ExternalId.eq(external_id));
    }
    if let Some(number) = filter.phone_number {
        let region = region::of(ctx.db(), organization).await?;
        select = with_number(ctx, select, PhoneNumber::parse(&number.0, region).ok()).await?;
    }
    let sort = Sort { key: contact::Column::CreatedAt, id: contact::Column::Id, descending: true };
    page::fetch(ctx, "contacts", select, sort, args).await
}

/// A number belongs to one contact, so this finds one or none; a number that cannot be belongs to nobody.
async fn with_number(
    ctx: &Ctx,
    select: Select<contact::Entity>,
    number: Option<PhoneNumber>,
) -> Result<Select<contact::Entity>> {
    let owner = match number {
        None => None,
        Some(number) => {
            let row = contact_number::Entity::in_org(ctx.organization()?)
                .filter(contact_number::Column::PhoneNumber.eq(number.as_str()));
            row.one(ctx.db()).await?.map(|row| row.contact_id)
        }
    };
    Ok(select.filter(contact::Column::Id.is_in(owner)))
}

/// The contact of each number, in the order asked. Numbers in any common writing; one that cannot be has no contact.
pub async fn by_numbers(ctx: &Ctx, texts: Vec<String>) -> Result<Vec<(String, Option<contact::Model>)>> {
    let organization = ctx.require(Permission::MessagesRead)?;
    if texts.len() > MOST_NUMBERS {
        let text = format!("Ask for at most {MOST_NUMBERS} numbers at once.");
        return Err(Error::new(crate::base::error::ErrorCode::BadUserInput, text));
    }
    let region = region::of(ctx.db(), organization).await?;
    let parsed: Vec<Option<String>> = texts.iter().map(|text| e164(text, region)).collect();
    let found = ContactsByNumber::fetch(ctx, parsed.iter().flatten().cloned().collect()).await?;
    let contact = |number: Option<String>| number.and_then(|number| found.get(&number).cloned());
    Ok(texts.into_iter().zip(parsed.into_iter().map(contact)).collect())
}

fn e164(text: &str, region: Region) -> Option<String> {
    PhoneNumber::parse_e164(text).or_else(|_| PhoneNumber::parse(text, region)).ok().map(String::from)
}

/// Contacts by id.
#[derive(Debug)]
pub struct ContactsById;

impl Fetch for ContactsById {
    type Key = ContactId;
    type Value = contact::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<ContactId>) -> Result<HashMap<ContactId, contact::Model>> {
        let rows = contact::Entity::in_org(ctx.organization()?).filter(contact::Column::Id.is_in(keys));
        Ok(rows.all(ctx.db()).await?.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The numbers of contacts, each in its order.
#[derive(Debug)]
pub struct NumbersOfContact;

impl Fetch for NumbersOfContact {
    type Key = ContactId;
    type Value = Vec<String>;

    async fn fetch(ctx: &Ctx, keys: Vec<ContactId>) -> Result<HashMap<ContactId, Vec<String>>> {
        let rows = contact_number::Entity::in_org(ctx.organization()?)
            .filter(contact_number::Column::ContactId.is_in(keys))
            .order_by_asc(contact_number::Column::ContactId)
            .order_by_asc(contact_number::Column::Position);
        let mut found: HashMap<ContactId, Vec<String>> = HashMap::new();
        for row in rows.all(ctx.db()).await? {
            found.entry(row.contact_id).or_default().push(row.phone_number);
        }
        Ok(found)
    }
}

/// Contacts by their numbers in E.164.
#[derive(Debug)]
pub struct ContactsByNumber;

impl Fetch for ContactsByNumber {
    type Key = String;
    type Value = contact::Model;

    async fn fetch(ctx: &Ctx, keys: Vec<String>) -> Result<HashMap<String, contact::Model>> {
        let rows = contact_number::Entity::in_org(ctx.organization()?)
            .filter(contact_number::Column::PhoneNumber.is_in(keys));
        let owners: Vec<(String, ContactId)> =
            rows.all(ctx.db()).await?.into_iter().map(|row| (row.phone_number, row.contact_id)).collect();
        let contacts = ContactsById::fetch(ctx, owners.iter().map(|(_, id)| *id).collect()).await?;
        let contact = |(number, id): (String, ContactId)| Some((number, contacts.get(&id)?.clone()));
        Ok(owners.into_iter().filter_map(contact).collect())
    }
}

//! `upsertContact`: finds the person by id, else by external id, else by number, and writes what is known now.

use std::collections::BTreeSet;

use async_graphql::{InputObject, MaybeUndefined};
use entity::{Tenanted, contact, contact_number, ids::ContactId};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::{metadata, notice, numbers};
use crate::{
    base::{
        audit,
        caller::Permission,
        ctx::Ctx,
        error::{Error, ErrorCode, Result, is_unique_violation},
        phone::{PhoneNumber, Region},
        region,
        tx::Tx,
    },
    graphql::scalars::{Json, PhoneNumberText},
};

/// Numbers of one person.
const MOST_NUMBERS: usize = 20;

/// A person. The contact with this `id` is changed, else the one with this `externalId`, else the one with one of these
/// numbers; else a new one is made. What is left out stays as it is.
#[derive(InputObject, Default)]
pub struct UpsertContactInput {
    /// The contact to change.
    pub id: Option<ContactId>,
    /// The organisation's own id of the person; unique there. Null removes it.
    pub external_id: MaybeUndefined<String>,
    /// As the organisation calls the person. Null removes it.
    pub name: MaybeUndefined<String>,
    /// The person's numbers, in any common writing, the preferred one first. A list replaces the one before.
    pub phone_numbers: Option<Vec<PhoneNumberText>>,
    /// A free JSON object of at most 16 kB. It replaces the one before.
    pub metadata: Option<Json>,
}

/// The input, parsed.
struct Wanted {
    id: Option<ContactId>,
    external_id: MaybeUndefined<String>,
    name: MaybeUndefined<String>,
    numbers: Option<Vec<String>>,
    metadata: Option<serde_json::Value>,
}

/// Makes or changes a contact and links the conversations with its numbers.
pub async fn upsert(ctx: &Ctx, input: UpsertContactInput) -> Result<contact::Model> {
    let organization = ctx.require(Permission::ContactsWrite)?;
    let wanted = parse(input, region::of(ctx.db(), organization).await?)?;
    let tx = ctx.begin().await?;
    let found = find(ctx, &tx, &wanted).await?;
    let row = write(ctx, &tx, found, &wanted).await?;
    let current = match &wanted.numbers {
        Some(list) => {
            numbers::replace(&tx, &row, list).await?;
            list.clone()
        }
        None => numbers_of(&tx, &row).await?,
    };
    tx.emit(notice::contact_updated(&row, &current));
    let detail = json!({ "phoneNumbers": current.len() });
    audit::record(ctx, &*tx, "upsertContact", Some(row.id.to_string()), detail).await?;
    tx.commit().await?;
    Ok(row)
}

fn parse(input: UpsertContactInput, region: Region) -> Result<Wanted> {
    let wanted = Wanted {
        id: input.id,
        external_id: parse_text(input.external_id, "externalId")?,
        name: parse_text(input.name, "name")?,
        numbers: input.phone_numbers.map(|numbers| parse_numbers(&numbers, region)).transpose()?,
        metadata: input.metadata.map(|json| metadata::parse(json.0)).transpose()?,
    };
    let says_who = wanted.id.is_some()
        || wanted.external_id.value().is_some()
        || wanted.numbers.as_ref().is_some_and(|numbers| !numbers.is_empty());
    if says_who {
        return Ok(wanted);
    }
    Err(Error::input(&["phoneNumbers"], "Say who it is: by id, externalId or a phone number."))
}

fn parse_text(text: MaybeUndefined<String>, field: &'static str) -> Result<MaybeUndefined<String>> {
    Ok(match text {
        MaybeUndefined::Value(text) => MaybeUndefined::Value(metadata::text(&text, field)?),
        other => other,
    })
}

fn parse_numbers(texts: &[PhoneNumberText], region: Region) -> Result<Vec<String>> {
    if texts.len() > MOST_NUMBERS {
        let text = format!("A contact has at most {MOST_NUMBERS} numbers.");
        return Err(Error::input(&["phoneNumbers"], text));
    }
    let mut seen = BTreeSet::new();
    let mut numbers = Vec::new();
    for text in texts {
        let number = PhoneNumber::parse(&text.0, region).map_err(|reason| {
            Error::new(ErrorCode::InvalidNumber, format!("One of the numbers cannot be: {reason}."))
                .at(&["phoneNumbers"])
        })?;
        if seen.insert(number.clone()) {
            numbers.push(String::from(number));
        }
    }
    Ok(numbers)
}

/// The contact that is meant, if it is there already.
async fn find(ctx: &Ctx, tx: &Tx, wanted: &Wanted) -> Result<Option<contact::Model>> {
    let organization = ctx.organization()?;
    if let Some(id) = wanted.id {
        let row = contact::Entity::in_org(organization)
            .filter(contact::Column::Id.eq(id))
            .lock_exclusive()
            .one(&**tx)
            .await?;
        return row.map(Some).ok_or_else(|| Error::not_found().at(&["id"]));
    }
    if let Some(external_id) = wanted.external_id.value() {
        let row = contact::Entity::in_org(organization)
            .filter(contact::Column::ExternalId.eq(external_id))
            .lock_exclusive()
            .one(&**tx)
            .await?;
        if row.is_some() {
            return Ok(row);
        }
    }
    let row = by_number(ctx, tx, wanted.numbers.as_deref().unwrap_or_default()).await?;
    match (&row, wanted.external_id.value()) {
        (Some(known), Some(_)) if known.external_id.is_some() => Err(numbers::belongs_to_another()),
        _ => Ok(row),
    }
}

async fn by_number(ctx: &Ctx, tx: &Tx, numbers: &[String]) -> Result<Option<contact::Model>> {
    if numbers.is_empty() {
        return Ok(None);
    }
    let organization = ctx.organization()?;
    let owners = contact_number::Entity::in_org(organization)
        .filter(contact_number::Column::PhoneNumber.is_in(numbers.iter().map(String::as_str)))
        .all(&**tx)
        .await?;
    let owners: BTreeSet<ContactId> = owners.into_iter().map(|row| row.contact_id).collect();
    let mut owners = owners.into_iter();
    match (owners.next(), owners.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(numbers::belongs_to_another()),
        (Some(id), None) => {
            let row = contact::Entity::in_org(organization).filter(contact::Column::Id.eq(id));
            Ok(row.lock_exclusive().one(&**tx).await?)
        }
    }
}

async fn write(ctx: &Ctx, tx: &Tx, found: Option<contact::Model>, wanted: &Wanted) -> Result<contact::Model> {
    let now = ctx.now();
    let is_new = found.is_none();
    let before = match found {
        Some(row) => row,
        None => contact::Model {
            id: ContactId::new(),
            organization_id: ctx.organization()?,
            name: None,
            external_id: None,
            metadata: json!({}),
            created_at: now,
            updated_at: now,
        },
    };
    let row = contact::Model {
        name: merged(before.name, &wanted.name),
        external_id: merged(before.external_id, &wanted.external_id),
        metadata: wanted.metadata.clone().unwrap_or(before.metadata),
        updated_at: now,
        ..before
    };
    let active = row.clone().into_active_model().reset_all();
    let written = if is_new { active.insert(&**tx).await } else { active.update(&**tx).await };
    written.map_err(taken)
}

fn merged(before: Option<String>, wanted: &MaybeUndefined<String>) -> Option<String> {
    match wanted {
        MaybeUndefined::Undefined => before,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(text) => Some(text.clone()),
    }
}

fn taken(error: DbErr) -> Error {
    if is_unique_violation(&error) {
        let text = "Another contact has this externalId.";
        return Error::new(ErrorCode::Conflict, text).at(&["externalId"]);
    }
    error.into()
}

async fn numbers_of(tx: &Tx, row: &contact::Model) -> Result<Vec<String>> {
    let rows = contact_number::Entity::in_org(row.organization_id)
        .filter(contact_number::Column::ContactId.eq(row.id))
        .order_by_asc(contact_number::Column::Position)
        .all(&**tx)
        .await?;
    Ok(rows.into_iter().map(|row| row.phone_number).collect())
}

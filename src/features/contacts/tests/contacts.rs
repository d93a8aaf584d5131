//! Who is meant, whose number it is, and what is linked.

use async_graphql::MaybeUndefined::{Null, Value};
use entity::{enums::Role, ids::ContactId};

use super::*;
use crate::{
    base::{error::ErrorCode, phone::PhoneNumber},
    features::{
        contacts::{
            find::{self, ContactFilter, NumbersOfContact},
            numbers::{ensure, linked_contact},
            upsert::{UpsertContactInput, upsert},
        },
        testing::{audit, events},
    },
    graphql::{loader::Fetch, page::PageArgs, scalars::Json},
};

fn with_numbers(numbers: &[&str]) -> UpsertContactInput {
    let numbers = numbers.iter().map(|number| phone(number)).collect();
    UpsertContactInput { phone_numbers: Some(numbers), ..UpsertContactInput::default() }
}

fn external(id: &str, numbers: &[&str]) -> UpsertContactInput {
    UpsertContactInput { external_id: Value(id.to_owned()), ..with_numbers(numbers) }
}

async fn numbers_of(ctx: &Ctx, id: ContactId) -> Vec<String> {
    NumbersOfContact::fetch(ctx, vec![id]).await.unwrap().remove(&id).unwrap_or_default()
}

#[tokio::test]
async fn the_same_person_is_found_again_by_id_external_id_or_number() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let made = upsert(&ctx, external("crm-1", &["415 555 0101", "(415) 555-0102"])).await.unwrap();
    assert_eq!(numbers_of(&ctx, made.id).await, ["+14155550101", "+14155550102"]);
    let named = UpsertContactInput { name: Value("Ada".into()), ..with_numbers(&["+1 415 555 0102"]) };
    let by_number = upsert(&ctx, named).await.unwrap();
    assert_eq!((by_number.id, by_number.external_id.as_deref()), (made.id, Some("crm-1")));
    assert_eq!(numbers_of(&ctx, made.id).await, ["+14155550102"]);
    let facts = UpsertContactInput {
        external_id: Value("crm-1".into()),
        metadata: Some(Json(serde_json::json!({ "tier": "gold" }))),
        ..UpsertContactInput::default()
    };
    let by_external = upsert(&ctx, facts).await.unwrap();
    assert_eq!((by_external.id, by_external.name.as_deref()), (made.id, Some("Ada")));
    assert_eq!(numbers_of(&ctx, made.id).await.len(), 1, "what is left out stays");
    let cleared = UpsertContactInput { id: Some(made.id), name: Null, ..UpsertContactInput::default() };
    assert_eq!(upsert(&ctx, cleared).await.unwrap().name, None);
    assert_eq!(events(&ctx).await.len(), 4);
    assert!(audit(&ctx).await.iter().all(|entry| !entry.detail.to_string().contains("4155550102")));
}

#[tokio::test]
async fn a_number_found_first_learns_its_external_id_later() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let made = upsert(&ctx, with_numbers(&["+14155550101"])).await.unwrap();
    let known = upsert(&ctx, external("crm-1", &["+14155550101"])).await.unwrap();
    assert_eq!((known.id, known.external_id.as_deref()), (made.id, Some("crm-1")));
}

#[tokio::test]
async fn numbers_and_external_ids_of_others_are_conflicts() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let first = upsert(&ctx, external("crm-1", &["+14155550101"])).await.unwrap();
    let second = upsert(&ctx, external("crm-2", &["+14155550102"])).await.unwrap();
    for (input, field) in [
        (external("crm-3", &["+14155550101"]), "phoneNumbers"),
        (external("crm-2", &["+14155550101"]), "phoneNumbers"),
        (with_numbers(&["+14155550101", "+14155550102"]), "phoneNumbers"),
        (
            UpsertContactInput {
                id: Some(second.id),
                external_id: Value("crm-1".into()),
                ..UpsertContactInput::default()
            },
            "externalId",
        ),
    ] {
        let error = upsert(&ctx, input).await.unwrap_err();
        assert_eq!((error.code, error.field), (ErrorCode::Conflict, vec!["input", field]));
    }
    assert_eq!(numbers_of(&ctx, first.id).await, ["+14155550101"]);
    assert_eq!(numbers_of(&ctx, second.id).await, ["+14155550102"]);
}

#[tokio::test]
async fn malformed_people_are_refused_with_their_field() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let with = |input: UpsertContactInput| UpsertContactInput { id: Some(ContactId::new()), ..input };
    let json =
        |value| with(UpsertContactInput { metadata: Some(Json(value)), ..UpsertContactInput::default() });
    for (input, field) in [
        (UpsertContactInput::default(), "phoneNumbers"),
        (with_numbers(&["+1 415"]), "phoneNumbers"),
        (with_numbers(&["+14155550101"; 21]), "phoneNumbers"),
        (external(" ", &[]), "externalId"),
        (with(UpsertContactInput { name: Value("a\nb".into()), ..UpsertContactInput::default() }), "name"),
        (json(serde_json::json!([1])), "metadata"),
        (json(serde_json::json!({ "a": "x".repeat(17_000) })), "metadata"),
    ] {
        let error = upsert(&ctx, input).await.expect_err(field);
        assert_eq!(error.field, ["input", field]);
    }
}

#[tokio::test]
async fn other_organisations_have_their_own_people() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let mine = upsert(&ctx, external("crm-1", &["+14155550101"])).await.unwrap();
    for id in [mine.id, ContactId::new()] {
        let input = UpsertContactInput { id: Some(id), ..with_numbers(&["+14155550109"]) };
        let error = upsert(&stranger, input).await.unwrap_err();
        assert_eq!((error.code, error.field), (ErrorCode::NotFound, vec!["input", "id"]));
    }
    let theirs = upsert(&stranger, external("crm-1", &["+14155550101"])).await.unwrap();
    assert_ne!(theirs.id, mine.id);
    assert!(numbers_of(&stranger, mine.id).await.is_empty());
    let found = find::by_numbers(&stranger, vec!["+14155550101".into()]).await.unwrap();
    assert_eq!(found[0].1.as_ref().map(|contact| contact.id), Some(theirs.id));
    let viewer = world.colleague(&ctx, Role::Viewer);
    let error = upsert(&viewer, with_numbers(&["+14155550101"])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn many_numbers_are_answered_in_order() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let ada = upsert(&ctx, with_numbers(&["+14155550101"])).await.unwrap();
    let asked = ["+14155550199", "(415) 555-0101", "nonsense", "+14155550101"].map(str::to_owned);
    let found = find::by_numbers(&ctx, asked.to_vec()).await.unwrap();
    let texts: Vec<_> = found.iter().map(|(text, _)| text.clone()).collect();
    assert_eq!(texts, asked);
    let people: Vec<_> = found.into_iter().map(|(_, contact)| contact.map(|contact| contact.id)).collect();
    assert_eq!(people, [None, Some(ada.id), None, Some(ada.id)]);
    let error = find::by_numbers(&ctx, vec![String::new(); 501]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadUserInput);
}

#[tokio::test]
async fn lists_are_filtered_by_number_and_external_id() {
    let world = World::new().await;
    let ctx = world.admin().await;
    upsert(&ctx, external("crm-1", &["+14155550101"])).await.unwrap();
    upsert(&ctx, external("crm-2", &["+14155550102"])).await.unwrap();
    let found = async |filter| {
        let args = PageArgs::new(None, None, None, None).unwrap();
        let page = find::list(&ctx, filter, args).await.unwrap();
        page.rows.into_iter().filter_map(|(_, row)| row.external_id).collect::<Vec<_>>()
    };
    assert_eq!(found(ContactFilter::default()).await, ["crm-2", "crm-1"]);
    let number = |text| ContactFilter { phone_number: Some(phone(text)), ..ContactFilter::default() };
    assert_eq!(found(number("415-555-0101")).await, ["crm-1"]);
    assert!(found(number("nonsense")).await.is_empty());
    let external_id = Some("crm-2".to_owned());
    assert_eq!(found(ContactFilter { external_id, ..ContactFilter::default() }).await, ["crm-2"]);
}

#[tokio::test]
async fn conversations_follow_the_numbers() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let first = conversation_with(&ctx, "+14155550101").await;
    let second = conversation_with(&ctx, "+14155550102").await;
    let foreign = conversation_with(&stranger, "+14155550101").await;
    let ada = upsert(&ctx, external("crm-1", &["+14155550101", "+14155550102"])).await.unwrap();
    assert_eq!(conversation(&ctx, first).await.contact_id, Some(ada.id));
    assert_eq!(conversation(&ctx, second).await.contact_id, Some(ada.id));
    assert_eq!(conversation(&stranger, foreign).await.contact_id, None);
    upsert(&ctx, external("crm-1", &["+14155550102"])).await.unwrap();
    assert_eq!(conversation(&ctx, first).await.contact_id, None);
    let bob = upsert(&ctx, external("crm-2", &["+14155550101"])).await.unwrap();
    assert_eq!(conversation(&ctx, first).await.contact_id, Some(bob.id));
}

#[tokio::test]
async fn an_unknown_number_becomes_one_contact() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let organization = ctx.organization().unwrap();
    let number = PhoneNumber::parse_e164("+14155550101").unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let tx = ctx.begin().await.unwrap();
        ids.push(ensure(&ctx, &tx, organization, &number).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(linked_contact(ctx.db(), organization, number.as_str()).await.unwrap(), Some(ids[0]));
    assert_eq!(events(&ctx).await.len(), 1);
}

//! Profile and organisation: what people change of themselves and their own.

use async_graphql::MaybeUndefined;
use entity::enums::Role;

use super::{Door, refused};
use crate::{
    base::error::ErrorCode as Code,
    features::organizations::{
        organization::{self, UpdateOrganizationInput},
        profile::{self, UpdateProfileInput},
    },
    graphql::scalars::{CountryCodeText, PhoneNumberText},
};

fn phone(text: &str) -> UpdateProfileInput {
    let phone = MaybeUndefined::Value(PhoneNumberText(text.into()));
    UpdateProfileInput { phone, ..UpdateProfileInput::default() }
}

#[tokio::test]
async fn a_phone_is_read_in_the_organisations_region() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let user = profile::update(&ada, phone("(415) 555-2671")).await.unwrap();
    assert_eq!(user.phone.as_deref(), Some("+14155552671"));
    let german = UpdateOrganizationInput {
        default_region: Some(CountryCodeText("DE".into())),
        ..UpdateOrganizationInput::default()
    };
    organization::update(&ada, german).await.unwrap();
    let user = profile::update(&ada, phone("030 901820")).await.unwrap();
    assert_eq!(user.phone.as_deref(), Some("+4930901820"));
    assert_eq!(refused(profile::update(&ada, phone("12")).await, Code::InvalidNumber), ["input", "phone"]);
}

#[tokio::test]
async fn what_is_not_given_stays_and_null_removes() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    profile::update(&ada, phone("+14155552671")).await.unwrap();
    let rename = UpdateProfileInput { name: Some(" Ada L. ".into()), ..UpdateProfileInput::default() };
    let user = profile::update(&ada, rename).await.unwrap();
    assert_eq!((user.name.as_str(), user.phone.as_deref()), ("Ada L.", Some("+14155552671")));
    let removal = UpdateProfileInput { phone: MaybeUndefined::Null, ..UpdateProfileInput::default() };
    let user = profile::update(&ada, removal).await.unwrap();
    assert_eq!((user.name.as_str(), user.phone), ("Ada L.", None));
}

#[tokio::test]
async fn an_organisation_is_changed_by_its_admins() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let agent = door.member(&ada, "agent@example.com", Role::Agent).await;
    let rename = |name: &str| UpdateOrganizationInput { name: Some(name.into()), default_region: None };
    refused(organization::update(&agent, rename("Mine")).await, Code::Forbidden);
    assert_eq!(refused(organization::update(&ada, rename("")).await, Code::BadUserInput), ["input", "name"]);
    let unknown = UpdateOrganizationInput { name: None, default_region: Some(CountryCodeText("ZZ".into())) };
    assert_eq!(
        refused(organization::update(&ada, unknown).await, Code::BadUserInput),
        ["input", "defaultRegion"]
    );
    let row = organization::update(&ada, rename("Acme & Co")).await.unwrap();
    assert_eq!((row.name.as_str(), row.default_region.as_str()), ("Acme & Co", "US"));
    let same = organization::update(&ada, UpdateOrganizationInput::default()).await.unwrap();
    assert_eq!(same.name, "Acme & Co");
}

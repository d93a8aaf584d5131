//! Signing up and in, throttling, changing and resetting passwords.

use chrono::Duration;
use entity::{audit_entry, organization, user};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use secrecy::ExposeSecret;

use super::{Door, PASSWORD, new_account, refused, signing_in};
use crate::{
    base::error::ErrorCode as Code,
    config::SignUp,
    features::organizations::{
        admin,
        change_password::{ChangePasswordInput, change_password},
        housekeeping,
        reset_password::{ResetPasswordInput, reset_password},
        sign_in::sign_in,
        sign_up::{SignUpInput, sign_up},
        throttle,
    },
    graphql::scalars::CountryCodeText,
};

#[tokio::test]
async fn signing_up_makes_an_owner_and_is_written_down() {
    let door = Door::open().await;
    let signed_in = door.sign_up("  Ada@Example.com ").await;
    assert_eq!(signed_in.user.email, "ada@example.com");
    assert_eq!(signed_in.organization.default_region, "US");
    assert!(!signed_in.organization.is_operator && !signed_in.user.is_operator);
    let ada = door.person(&signed_in).await;
    assert_eq!(ada.caller.member().unwrap().role, entity::enums::Role::Owner);
    let entry = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("signUp"))
        .one(ada.db())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.user_id, Some(signed_in.user.id));
    assert_eq!(entry.organization_id, Some(signed_in.organization.id));
    assert_eq!(entry.ip.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn a_taken_address_leaves_no_organisation_behind() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    let again = sign_up(&door.stranger(), new_account("ADA@example.com")).await;
    assert_eq!(refused(again, Code::Conflict), ["input", "email"]);
    assert_eq!(organization::Entity::find().count(door.hub.db.read()).await.unwrap(), 1);
}

#[tokio::test]
async fn sign_up_input_is_checked_field_by_field() {
    let door = Door::open().await;
    let base = || new_account("ada@example.com");
    let region = Some(CountryCodeText("ZZ".into()));
    for (input, field) in [
        (SignUpInput { email: "ada".into(), ..base() }, "email"),
        (SignUpInput { password: "short".into(), ..base() }, "password"),
        (SignUpInput { name: " ".into(), ..base() }, "name"),
        (SignUpInput { organization_name: "a\u{0}".into(), ..base() }, "organizationName"),
        (SignUpInput { default_region: region, ..base() }, "defaultRegion"),
    ] {
        assert_eq!(refused(sign_up(&door.stranger(), input).await, Code::BadUserInput), ["input", field]);
    }
    assert_eq!(user::Entity::find().count(door.hub.db.read()).await.unwrap(), 0);
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let (hub, _folder) = crate::base::testing::hub().await;
    let mut config = hub.config.clone();
    config.accounts.sign_up = SignUp::InviteOnly;
    let closed = crate::base::ctx::Hub::open(config, hub.clock.clone()).await.unwrap();
    let stranger = crate::base::ctx::Ctx {
        caller: crate::base::caller::Caller::Anonymous,
        ..crate::base::ctx::Ctx::administrator(closed)
    };
    refused(sign_up(&stranger, new_account("ada@example.com")).await, Code::Forbidden);
}

#[tokio::test]
async fn unknown_addresses_and_wrong_passwords_answer_alike() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    let wrong = door.sign_in("ada@example.com", "wrong password").await.unwrap_err();
    let unknown = door.sign_in("eve@example.com", "wrong password").await.unwrap_err();
    assert_eq!((wrong.code, &wrong.message, &wrong.field), (unknown.code, &unknown.message, &unknown.field));
    let failures = audit_entry::Entity::find()
        .filter(audit_entry::Column::Action.eq("signInFailed"))
        .all(door.hub.db.read())
        .await
        .unwrap();
    assert_eq!(failures.len(), 2);
    for entry in failures {
        assert_eq!(entry.organization_id, None);
        let detail = entry.detail.to_string();
        assert!(!detail.contains("ada@") && !detail.contains("eve@") && detail.contains("•••@example.com"));
    }
    assert!(door.sign_in("Ada@Example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn guessing_is_throttled_for_the_guesser_and_ends_with_the_window() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    for _ in 0..throttle::TRIES_PER_PERSON {
        refused(door.sign_in("ada@example.com", "wrong password").await, Code::BadUserInput);
    }
    let error = door.sign_in("ada@example.com", PASSWORD).await.unwrap_err();
    assert_eq!(error.code, Code::RateLimited);
    assert!(error.retry_after.unwrap().as_secs() <= 15 * 60 + 1);
    assert_eq!(door.audited("triesExhausted").await, 1);

    let elsewhere = door.from("198.51.100.7");
    assert!(
        sign_in(&elsewhere, signing_in("ada@example.com", PASSWORD)).await.is_ok(),
        "strangers lock nobody out"
    );
    door.hub.clock.advance(Duration::minutes(16));
    assert!(door.sign_in("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn one_network_cannot_try_many_addresses() {
    let door = Door::open().await;
    let tries = throttle::password("nobody@example.com", None);
    for n in 0..throttle::TRIES_PER_NETWORK {
        throttle::take(
            &door.stranger(),
            &throttle::password(&format!("{n}@example.com"), door.stranger().request.ip),
        )
        .await
        .unwrap();
    }
    refused(door.sign_in("another@example.com", PASSWORD).await, Code::RateLimited);
    assert!(throttle::take(&door.from("198.51.100.7"), &tries).await.is_ok());
}

#[tokio::test]
async fn parallel_guesses_cannot_pass_together() {
    let door = Door::open().await;
    let guesses = (0..throttle::TRIES_PER_PERSON + 5).map(|_| {
        let ctx = door.stranger();
        async move { throttle::take(&ctx, &throttle::password("ada@example.com", ctx.request.ip)).await }
    });
    let passed = futures_util::future::join_all(guesses).await.into_iter().flatten().count();
    assert_eq!(i32::try_from(passed), Ok(throttle::TRIES_PER_PERSON));
}

#[tokio::test]
async fn the_right_password_takes_its_tries_back() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    for _ in 0..throttle::TRIES_PER_PERSON - 1 {
        refused(door.sign_in("ada@example.com", "wrong password").await, Code::BadUserInput);
    }
    door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    refused(door.sign_in("ada@example.com", "wrong password").await, Code::BadUserInput);
    assert!(door.sign_in("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn sign_ups_of_one_network_are_throttled() {
    let door = Door::open().await;
    for _ in 0..throttle::SIGN_UPS_PER_NETWORK {
        throttle::take(&door.stranger(), &throttle::sign_up(door.stranger().request.ip)).await.unwrap();
    }
    refused(sign_up(&door.stranger(), new_account("ada@example.com")).await, Code::RateLimited);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_devices() {
    let door = Door::open().await;
    let here = door.sign_up("ada@example.com").await;
    let elsewhere = door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    let ada = door.person(&here).await;
    let change = |current: &str| ChangePasswordInput {
        current_password: current.into(),
        new_password: "another fine secret".into(),
    };
    let wrong = change_password(&ada, change("wrong password")).await;
    assert_eq!(refused(wrong, Code::BadUserInput), ["input", "currentPassword"]);
    change_password(&ada, change(PASSWORD)).await.unwrap();

    assert!(door.enter(here.access_token.expose_secret()).await.is_ok());
    refused(door.enter(elsewhere.access_token.expose_secret()).await, Code::Unauthenticated);
    refused(door.sign_in("ada@example.com", PASSWORD).await, Code::BadUserInput);
    assert!(door.sign_in("ada@example.com", "another fine secret").await.is_ok());
    assert_eq!(door.audited("changePassword").await, 1);
}

fn resetting(token: &str) -> ResetPasswordInput {
    ResetPasswordInput { token: token.into(), new_password: "another fine secret".into() }
}

#[tokio::test]
async fn a_reset_link_works_once_and_ends_every_session() {
    let door = Door::open().await;
    let signed_in = door.sign_up("ada@example.com").await;
    let first = admin::password_reset_link(&door.administrator(), "ada@example.com").await.unwrap();
    let second = admin::password_reset_link(&door.administrator(), "Ada@example.com").await.unwrap();
    assert!(first.link.expose_secret().ends_with(&format!("#passwordReset={}", first.token.expose_secret())));
    let weak = ResetPasswordInput { new_password: "weak".into(), ..resetting(first.token.expose_secret()) };
    assert_eq!(
        refused(reset_password(&door.stranger(), weak).await, Code::BadUserInput),
        ["input", "newPassword"]
    );

    reset_password(&door.stranger(), resetting(first.token.expose_secret())).await.unwrap();
    refused(door.enter(signed_in.access_token.expose_secret()).await, Code::Unauthenticated);
    assert!(door.sign_in("ada@example.com", "another fine secret").await.is_ok());
    for spent in [&first.token, &second.token] {
        let again = reset_password(&door.stranger(), resetting(spent.expose_secret())).await;
        assert_eq!(refused(again, Code::NotFound), ["input", "token"]);
    }
}

#[tokio::test]
async fn reset_links_end_after_a_day() {
    let door = Door::open().await;
    door.sign_up("ada@example.com").await;
    let link = admin::password_reset_link(&door.administrator(), "ada@example.com").await.unwrap();
    door.hub.clock.advance(Duration::hours(24));
    refused(reset_password(&door.stranger(), resetting(link.token.expose_secret())).await, Code::NotFound);
    refused(reset_password(&door.stranger(), resetting("invented")).await, Code::NotFound);
    refused(admin::password_reset_link(&door.administrator(), "eve@example.com").await, Code::NotFound);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_and_the_rest_stays() {
    let door = Door::open().await;
    let signed_in = door.sign_up("ada@example.com").await;
    admin::password_reset_link(&door.administrator(), "ada@example.com").await.unwrap();
    assert_eq!(housekeeping::forget_ended(&door.administrator()).await.unwrap(), 0);
    assert!(door.enter(signed_in.access_token.expose_secret()).await.is_ok());
    door.hub.clock.advance(Duration::days(365));
    door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    // The old session with its refresh token, the reset link, the counter of sign-ups.
    assert_eq!(housekeeping::forget_ended(&door.administrator()).await.unwrap(), 4);
    assert_eq!(entity::session::Entity::find().count(door.hub.db.read()).await.unwrap(), 1);
}

//! Tokens: refreshing, reuse, switching, signing out.

use chrono::Duration;
use entity::enums::Role;
use secrecy::ExposeSecret;

use super::{Door, PASSWORD, refused, signing_in};
use crate::{
    base::error::{ErrorCode as Code, Result},
    features::organizations::{
        refresh::{RefreshSessionInput, refresh},
        sessions::SignedIn,
        sign_in::{SignInInput, sign_in},
        sign_out::{SignOutInput, sign_out},
        switch_organization::{SwitchOrganizationInput, switch_organization},
    },
};

async fn refreshed(door: &Door, with: &SignedIn) -> Result<SignedIn> {
    let refresh_token = with.refresh_token.expose_secret().to_owned();
    refresh(&door.stranger(), RefreshSessionInput { refresh_token }).await
}

async fn is_in(door: &Door, tokens: &SignedIn) -> bool {
    door.enter(tokens.access_token.expose_secret()).await.is_ok()
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_use_and_its_reuse_ends_the_family() {
    let door = Door::open().await;
    let first = door.sign_up("ada@example.com").await;
    let other_device = door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    let second = refreshed(&door, &first).await.unwrap();
    let third = refreshed(&door, &second).await.unwrap();
    assert!(is_in(&door, &third).await);

    refused(refreshed(&door, &first).await, Code::Unauthenticated);
    assert!(!is_in(&door, &third).await, "thief and victim are both out");
    refused(refreshed(&door, &third).await, Code::Unauthenticated);
    assert!(is_in(&door, &other_device).await, "another family lives on");
    assert_eq!(door.audited("refreshTokenReused").await, 1, "once, however often it is shown");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins() {
    let door = Door::open().await;
    let first = door.sign_up("ada@example.com").await;
    let (a, b) = tokio::join!(refreshed(&door, &first), refreshed(&door, &first));
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
}

#[tokio::test]
async fn an_access_token_ends_by_itself_and_a_session_when_it_rests_too_long() {
    let door = Door::open().await;
    let accounts = door.hub.config.accounts.clone();
    let first = door.sign_up("ada@example.com").await;
    door.hub.clock.advance(Duration::from_std(accounts.access_token_ttl).unwrap());
    assert!(!is_in(&door, &first).await);

    let rest = Duration::from_std(accounts.refresh_token_ttl).unwrap() - Duration::hours(1);
    door.hub.clock.advance(rest);
    let second = refreshed(&door, &first).await.unwrap();
    door.hub.clock.advance(rest);
    let third = refreshed(&door, &second).await.unwrap();
    door.hub.clock.advance(rest + Duration::hours(1));
    refused(refreshed(&door, &third).await, Code::Unauthenticated);
}

#[tokio::test]
async fn invented_refresh_tokens_are_refused() {
    let door = Door::open().await;
    for token in ["", "invented"] {
        let input = RefreshSessionInput { refresh_token: token.into() };
        refused(refresh(&door.stranger(), input).await, Code::Unauthenticated);
    }
}

#[tokio::test]
async fn signing_out_ends_this_device_or_all() {
    let door = Door::open().await;
    let here = door.sign_up("ada@example.com").await;
    let there = door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    let ended = sign_out(&door.person(&here).await, SignOutInput::default()).await.unwrap();
    assert_eq!((ended, is_in(&door, &here).await, is_in(&door, &there).await), (1, false, true));
    refused(refreshed(&door, &here).await, Code::Unauthenticated);

    let third = door.sign_in("ada@example.com", PASSWORD).await.unwrap();
    let ended = sign_out(&door.person(&there).await, SignOutInput { everywhere: true }).await.unwrap();
    assert_eq!((ended, is_in(&door, &third).await), (2, false));
    refused(sign_out(&door.stranger(), SignOutInput::default()).await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_token_acts_in_one_organisation_and_switching_moves_the_session() {
    let door = Door::open().await;
    let ada = door.owner("ada@example.com").await;
    let bob = door.sign_up("bob@example.com").await;
    let home = bob.organization.id;
    door.member(&ada, "bob@example.com", Role::Agent).await;
    let to = |organization_id| SwitchOrganizationInput { organization_id };

    let bob_ctx = door.person(&bob).await;
    let moved = switch_organization(&bob_ctx, to(ada.organization().unwrap())).await.unwrap();
    let there = door.person(&moved).await;
    assert_eq!(there.caller.member().unwrap().role, Role::Agent);
    assert_eq!(there.organization().unwrap(), ada.organization().unwrap());
    assert!(!is_in(&door, &bob).await, "the token of before acts nowhere");
    refused(refreshed(&door, &bob).await, Code::Unauthenticated);
    assert!(!is_in(&door, &moved).await, "the spent token told of a second holder");

    let again = door.sign_in("bob@example.com", PASSWORD).await.unwrap();
    assert_eq!(again.organization.id, home, "the organisation that was joined first");
    let ada_again = switch_organization(&ada, to(home)).await;
    assert_eq!(refused(ada_again, Code::NotFound), ["input", "organizationId"]);
}

#[tokio::test]
async fn signing_in_takes_an_organisation_of_ones_own() {
    let door = Door::open().await;
    let ada = door.sign_up("ada@example.com").await;
    let bob = door.sign_up("bob@example.com").await;
    let into = |organization| SignInInput {
        organization_id: Some(organization),
        ..signing_in("ada@example.com", PASSWORD)
    };
    assert!(sign_in(&door.stranger(), into(ada.organization.id)).await.is_ok());
    let foreign = sign_in(&door.stranger(), into(bob.organization.id)).await;
    let missing = sign_in(&door.stranger(), into(entity::ids::OrganizationId::new())).await;
    assert_eq!(refused(foreign, Code::NotFound), refused(missing, Code::NotFound));
}

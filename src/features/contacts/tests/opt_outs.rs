//! Who may not be written to, by whom, and until when.

use entity::{
    carrier_config,
    enums::{InDoubtPolicy, NumberStatus, OptOutScope, OptOutSource, Provider, Role},
    ids::{CarrierConfigId, NumberId},
    number, opt_out,
};

use super::*;
use crate::{
    base::error::ErrorCode,
    features::{
        carrier_configs::senders::sender_key,
        contacts::opt_outs::{
            ClearOptOutInput, OptOutFilter, Refusal, SetOptOutInput, blocked, clear_opt_out, list,
            record_start, record_stop, set_opt_out,
        },
        testing::events,
    },
    graphql::page::PageArgs,
};

const ACCOUNT: &str = "twilio:127.0.0.1:1:AC00000000000000000000000000000001";
const SENDER: &str = "+14155550100";
const OTHER: &str = "+14155550110";
const ADA: &str = "+14155550101";

async fn stop(ctx: &Ctx, owner: &Ctx, sender: &str) {
    let tx = ctx.begin().await.unwrap();
    let refusal = Refusal {
        organization: ctx.organization().unwrap(),
        sender_owner: owner.organization().unwrap(),
        sender_key: &sender_key(ACCOUNT, sender),
        contact_number: ADA,
    };
    record_stop(ctx, &tx, refusal).await.unwrap();
    tx.commit().await.unwrap();
}

async fn start(ctx: &Ctx, owner: &Ctx, sender: &str) -> Vec<opt_out::Model> {
    let tx = ctx.begin().await.unwrap();
    let consent = Refusal {
        organization: ctx.organization().unwrap(),
        sender_owner: owner.organization().unwrap(),
        sender_key: &sender_key(ACCOUNT, sender),
        contact_number: ADA,
    };
    let lifted = record_start(ctx, &tx, consent).await.unwrap();
    tx.commit().await.unwrap();
    lifted
}

/// Gives an organisation a sender of the account.
async fn hold(ctx: &Ctx, sender: &str) {
    let now = ctx.now();
    let config = carrier_config::ActiveModel {
        id: Set(CarrierConfigId::new()),
        organization_id: Set(ctx.organization().ok()),
        provider: Set(Provider::Twilio),
        account: Set(ACCOUNT.into()),
        account_id: Set("AC00000000000000000000000000000001".into()),
        credentials: Set(Vec::new()),
        credentials_hint: Set(String::new()),
        credentials_set_at: Set(now),
        base_url: Set("http://127.0.0.1:1".into()),
        default_sender: Set(Some(sender.to_owned())),
        messaging_service: Set(None),
        in_doubt_policy: Set(InDoubtPolicy::Hold),
        messages_per_second: Set(0),
        replies_to_stop: Set(true),
        proven_at: Set(Some(now)),
        is_test: Set(true),
        is_default: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let tx = ctx.begin().await.unwrap();
    let config = config.insert(&*tx).await.unwrap();
    let number = number::ActiveModel {
        id: Set(NumberId::new()),
        organization_id: Set(ctx.organization().unwrap()),
        carrier_config_id: Set(config.id),
        account: Set(ACCOUNT.into()),
        address: Set(sender.to_owned()),
        country: Set(None),
        status: Set(NumberStatus::Active),
        is_primary: Set(true),
        created_at: Set(now),
    };
    number.insert(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn may_send(ctx: &Ctx, sender: &str) -> bool {
    let organization = ctx.organization().unwrap();
    blocked(ctx.db(), organization, ACCOUNT, sender, ADA).await.unwrap().is_none()
}

fn everywhere() -> SetOptOutInput {
    SetOptOutInput { phone_number: phone("(415) 555-0101"), scope: OptOutScope::Organization, sender: None }
}

#[tokio::test]
async fn stop_blocks_sender_and_organisation_until_start() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    assert!(may_send(&ctx, SENDER).await);
    stop(&ctx, &ctx, SENDER).await;
    stop(&ctx, &ctx, SENDER).await;
    assert!(!may_send(&ctx, SENDER).await && !may_send(&ctx, OTHER).await);
    assert!(may_send(&stranger, OTHER).await);
    assert_eq!(events(&ctx).await.len(), 2, "the second STOP changes nothing");
    assert!(start(&ctx, &ctx, OTHER).await.is_empty(), "START lifts what STOP from that sender set");
    assert_eq!(start(&ctx, &ctx, SENDER).await.len(), 2);
    assert!(may_send(&ctx, SENDER).await && may_send(&ctx, OTHER).await);
    stop(&ctx, &ctx, SENDER).await;
    assert!(!may_send(&ctx, SENDER).await, "a lifted refusal comes back");
}

#[tokio::test]
async fn a_shared_sender_is_refused_for_everybody_and_other_senders_for_one() {
    let world = World::new().await;
    let (operator, ctx, neighbour) = (world.operator().await, world.admin().await, world.admin().await);
    hold(&operator, SENDER).await;
    stop(&ctx, &operator, SENDER).await;
    for caller in [&operator, &ctx, &neighbour] {
        assert!(!may_send(caller, SENDER).await);
    }
    assert!(!may_send(&ctx, OTHER).await, "the whole organisation whose conversation it was");
    assert!(may_send(&neighbour, OTHER).await && may_send(&operator, OTHER).await, "and no other one");
    start(&neighbour, &operator, SENDER).await;
    assert!(may_send(&ctx, OTHER).await && may_send(&neighbour, SENDER).await);
}

#[tokio::test]
async fn naming_anothers_account_speaks_for_nobody_else() {
    let world = World::new().await;
    let (ctx, forger) = (world.admin().await, world.admin().await);
    hold(&ctx, SENDER).await;
    stop(&forger, &forger, SENDER).await;
    assert!(may_send(&ctx, SENDER).await && !may_send(&forger, SENDER).await);
    stop(&ctx, &ctx, SENDER).await;
    start(&forger, &forger, SENDER).await;
    assert!(!may_send(&ctx, SENDER).await && may_send(&forger, OTHER).await);
}

#[tokio::test]
async fn start_to_one_sender_keeps_the_stop_to_another() {
    let world = World::new().await;
    let ctx = world.admin().await;
    stop(&ctx, &ctx, SENDER).await;
    stop(&ctx, &ctx, OTHER).await;
    let lifted: Vec<_> = start(&ctx, &ctx, SENDER).await.into_iter().map(|row| row.scope).collect();
    assert_eq!(lifted, [OptOutScope::Sender]);
    assert!(!may_send(&ctx, SENDER).await && !may_send(&ctx, OTHER).await);
    assert_eq!(start(&ctx, &ctx, OTHER).await.len(), 2);
    assert!(may_send(&ctx, SENDER).await && may_send(&ctx, OTHER).await);
}

#[tokio::test]
async fn what_was_set_by_hand_only_a_hand_lifts() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let set = set_opt_out(&ctx, everywhere()).await.unwrap();
    assert_eq!((set.contact_number.as_str(), set.source), (ADA, OptOutSource::Api));
    stop(&ctx, &ctx, SENDER).await;
    start(&ctx, &ctx, SENDER).await;
    assert!(!may_send(&ctx, OTHER).await);
    let clear =
        || ClearOptOutInput { phone_number: phone(ADA), scope: OptOutScope::Organization, sender: None };
    let lifted = clear_opt_out(&ctx, clear()).await.unwrap();
    assert_eq!(lifted.id, set.id);
    assert!(lifted.lifted_at.is_some() && may_send(&ctx, OTHER).await);
    assert_eq!(clear_opt_out(&ctx, clear()).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn nobody_sets_or_clears_for_others() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    set_opt_out(&ctx, everywhere()).await.unwrap();
    let clear = ClearOptOutInput { phone_number: phone(ADA), scope: OptOutScope::Organization, sender: None };
    assert_eq!(clear_opt_out(&stranger, clear).await.unwrap_err().code, ErrorCode::NotFound);
    let args = || PageArgs::new(None, None, None, None).unwrap();
    assert!(list(&stranger, OptOutFilter::default(), args()).await.unwrap().rows.is_empty());
    assert_eq!(list(&ctx, OptOutFilter::default(), args()).await.unwrap().rows.len(), 1);
    let sender = Some(SENDER.to_owned());
    let foreign = SetOptOutInput { scope: OptOutScope::Sender, sender, ..everywhere() };
    let error = set_opt_out(&stranger, foreign).await.unwrap_err();
    assert_eq!((error.code, error.field), (ErrorCode::UnknownSender, vec!["input", "sender"]));
    let viewer = world.colleague(&ctx, Role::Viewer);
    assert_eq!(set_opt_out(&viewer, everywhere()).await.unwrap_err().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn scope_and_sender_go_together() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let named = SetOptOutInput { sender: Some(SENDER.to_owned()), ..everywhere() };
    let unnamed = SetOptOutInput { scope: OptOutScope::Sender, ..everywhere() };
    for input in [named, unnamed] {
        assert_eq!(set_opt_out(&ctx, input).await.unwrap_err().field, ["input", "sender"]);
    }
    let malformed = SetOptOutInput { phone_number: phone("12"), ..everywhere() };
    assert_eq!(set_opt_out(&ctx, malformed).await.unwrap_err().code, ErrorCode::InvalidNumber);
}

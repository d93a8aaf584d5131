//! What a save writes, keeps and refuses.

use async_graphql::MaybeUndefined;
use entity::{carrier_config, enums::Role, ids::CarrierConfigId};
use secrecy::ExposeSecret;

use super::*;
use crate::{
    base::error::ErrorCode,
    features::{
        carrier_configs::{
            delete::delete, open::webhook_tokens, query, rotate, save as saving, test,
            testing::save_proven as save,
        },
        testing::{audit, events},
    },
};

fn tokens(ctx: &Ctx, row: &carrier_config::Model) -> Vec<String> {
    let tokens = webhook_tokens(&ctx.hub, row).unwrap();
    tokens.iter().map(|token| token.expose_secret().to_owned()).collect()
}

#[tokio::test]
async fn one_config_per_provider_with_its_senders() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let first = save(&ctx, config(1, &["(415) 555-0100", "72404"])).await.unwrap();
    assert_eq!(first.account, format!("twilio:127.0.0.1:1:{}", sid(1)));
    assert_eq!(first.credentials_hint, "0001");
    assert!(first.is_test && first.is_default && first.replies_to_stop);
    assert_eq!(senders_of(&ctx).await, [("+14155550100".to_owned(), true), ("72404".to_owned(), false)]);

    let listed = ["72404", "+14155550101"].map(str::to_owned).to_vec();
    let again = SaveCarrierConfigInput { senders: Some(listed), ..unchanged() };
    let second = save(&ctx, again).await.unwrap();
    assert_eq!(second.id, first.id);
    assert_eq!(senders_of(&ctx).await, [("+14155550101".to_owned(), false), ("72404".to_owned(), true)]);

    let service = MaybeUndefined::Value(SERVICE.to_owned());
    save(&ctx, SaveCarrierConfigInput { messaging_service_sid: service, ..unchanged() }).await.unwrap();
    let primary: Vec<_> = senders_of(&ctx).await.into_iter().filter(|(_, primary)| *primary).collect();
    assert_eq!(primary, [(SERVICE.to_owned(), true)]);
    assert_eq!(query::list(&ctx).await.unwrap().len(), 1);
    let kinds: Vec<_> = events(&ctx).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["carrier_config.saved"; 3]);
}

#[tokio::test]
async fn secrets_are_sealed_and_told_nowhere() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let told = format!("{row:?} {:?} {:?}", events(&ctx).await, audit(&ctx).await);
    assert!(!told.contains("canary-token"), "{told}");
    assert!(!row.credentials.windows(6).any(|window| window == b"canary"));
    assert_eq!(tokens(&ctx, &row), [TOKEN]);
    assert_eq!(audit(&ctx).await[0].action, "saveCarrierConfig");
}

#[tokio::test]
async fn two_tokens_live_until_the_rotation_ends() {
    let world = World::new().await;
    let ctx = world.admin().await;
    save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let fresh =
        SaveCarrierConfigInput { credentials: Some(credentials(1, "second-token-0002")), ..unchanged() };
    let row = save(&ctx, fresh).await.unwrap();
    assert_eq!(tokens(&ctx, &row), ["second-token-0002", TOKEN]);
    let kept = save(&ctx, unchanged()).await.unwrap();
    assert_eq!(tokens(&ctx, &kept).len(), 2);
    assert_eq!(kept.credentials_set_at, row.credentials_set_at);
    let ended = SaveCarrierConfigInput { end_token_rotation: true, ..unchanged() };
    let row = save(&ctx, ended).await.unwrap();
    assert_eq!(tokens(&ctx, &row), ["second-token-0002"]);
}

#[tokio::test]
async fn stored_secrets_go_only_where_they_were_meant_for() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    for url in ["http://127.0.0.1:2", "http://127.0.0.1:1/elsewhere"] {
        let moved = SaveCarrierConfigInput { base_url: Some(UrlText(url.into())), ..unchanged() };
        let error = save(&ctx, moved).await.unwrap_err();
        assert_eq!(error.field, ["input", "credentials"], "{url}");
    }
    let same = SaveCarrierConfigInput { base_url: Some(UrlText(format!("{NOWHERE}/"))), ..unchanged() };
    assert_eq!(save(&ctx, same).await.unwrap().id, row.id);
    let other = save(&ctx, config(2, &["+14155550100"])).await.unwrap();
    assert_eq!(tokens(&ctx, &other), [TOKEN], "another account's token is no previous one");
}

#[tokio::test]
async fn malformed_settings_are_refused_with_their_field() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let good = || config(1, &["+14155550100"]);
    let key = |sid: &str, secret: Option<&str>| CarrierCredentialsInput {
        api_key_sid: Some(sid.to_owned()),
        api_key_secret: secret.map(str::to_owned),
        ..credentials(1, TOKEN)
    };
    let with = |credentials| SaveCarrierConfigInput { credentials: Some(credentials), ..good() };
    let named = CarrierCredentialsInput { account_sid: "AC1".into(), ..credentials(1, TOKEN) };
    for (input, field) in [
        (SaveCarrierConfigInput { credentials: None, ..good() }, "credentials"),
        (SaveCarrierConfigInput { messages_per_second: Some(-1), ..good() }, "messagesPerSecond"),
        (SaveCarrierConfigInput { senders: Some(Vec::new()), ..good() }, "senders"),
        (with(named), "accountSid"),
        (with(credentials(1, "two words")), "authToken"),
        (with(key("SK1", Some("secret"))), "apiKeySid"),
        (with(key(&format!("SK{:032x}", 1), None)), "apiKeySecret"),
    ] {
        let error = save(&ctx, input).await.expect_err(field);
        assert_eq!(error.field.last(), Some(&field));
    }
    assert!(senders_of(&ctx).await.is_empty());
}

#[tokio::test]
async fn other_organisations_configs_answer_as_missing_ones() {
    let world = World::new().await;
    let (ctx, stranger) = (world.admin().await, world.admin().await);
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    for id in [row.id, CarrierConfigId::new()] {
        let input = SaveCarrierConfigInput { id: Some(id), ..config(2, &["+14155550101"]) };
        assert_eq!(save(&stranger, input).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(test::test(&stranger, id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(delete(&stranger, id).await.unwrap_err().code, ErrorCode::NotFound);
    }
    assert!(query::list(&stranger).await.unwrap().is_empty());
    assert_eq!(query::list(&ctx).await.unwrap(), [row]);
}

#[tokio::test]
async fn only_administrators_save_and_only_operators_the_systems() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let agent = world.colleague(&ctx, Role::Agent);
    assert_eq!(save(&agent, config(1, &["+14155550100"])).await.unwrap_err().code, ErrorCode::Forbidden);
    let system = || SaveCarrierConfigInput { system: true, ..config(1, &["+14155550100"]) };
    assert_eq!(save(&ctx, system()).await.unwrap_err().code, ErrorCode::Forbidden);
    let operator = world.operator().await;
    let row = save(&operator, system()).await.unwrap();
    assert_eq!(row.organization_id, None);
    assert_eq!(senders_of(&operator).await, [("+14155550100".to_owned(), true)]);
    assert_eq!(
        query::list(&ctx).await.unwrap(),
        std::slice::from_ref(&row),
        "everybody sees that it is there"
    );
    assert!(!query::shows_details(&ctx, &row) && query::shows_details(&operator, &row));
    assert_eq!(delete(&ctx, row.id).await.unwrap_err().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn nothing_is_saved_before_the_carrier_let_the_credentials_in() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let error = saving::save(&ctx, config(1, &["+14155550100"])).await.unwrap_err();
    assert_eq!(
        (error.code, error.field.as_slice()),
        (ErrorCode::ServiceUnavailable, &["input", "credentials"][..])
    );
    assert!(error.message.ends_with("Nothing was saved."), "{}", error.message);
    assert!(senders_of(&ctx).await.is_empty() && query::list(&ctx).await.unwrap().is_empty());

    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let other =
        SaveCarrierConfigInput { credentials: Some(credentials(1, "second-token-0002")), ..unchanged() };
    assert_eq!(saving::save(&ctx, other).await.unwrap_err().code, ErrorCode::ServiceUnavailable);
    assert_eq!(query::list(&ctx).await.unwrap(), [row]);
    let offline = SaveCarrierConfigInput { messages_per_second: Some(3), ..unchanged() };
    assert_eq!(saving::save(&ctx, offline).await.unwrap().messages_per_second, 3, "what was proven stays so");
}

#[tokio::test]
async fn a_carrier_that_cannot_be_reached_is_told_in_words_and_audited() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let check = test::test(&ctx, row.id).await.unwrap();
    assert_eq!(check.problems[0].code, ErrorCode::ServiceUnavailable);
    assert!(check.account.is_none());
    let entries = audit(&ctx).await;
    assert_eq!(entries[1].action, "testCarrierConfig");
    assert_eq!(entries[1].detail["problems"][0], "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn deleting_takes_the_senders_along() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    assert_eq!(delete(&ctx, row.id).await.unwrap(), row.id);
    assert!(senders_of(&ctx).await.is_empty() && query::list(&ctx).await.unwrap().is_empty());
    assert_eq!(delete(&ctx, row.id).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn two_saves_at_once_leave_one_whole_config() {
    let world = World::new().await;
    let ctx = world.admin().await;
    let saves = (0..8_u8).map(|n| {
        let ctx = ctx.clone();
        let sender = format!("+1415555010{n}");
        tokio::spawn(async move { save(&ctx, config(1, &[&sender])).await })
    });
    let answers = futures_util::future::join_all(saves).await;
    assert!(answers.into_iter().any(|answer| answer.unwrap().is_ok()));
    assert_eq!(query::list(&ctx).await.unwrap().len(), 1);
    assert_eq!(senders_of(&ctx).await.len(), 1, "never the senders of two saves mixed");
}

#[tokio::test]
async fn a_new_master_key_reseals_what_older_ones_sealed() {
    let world = World::new().await;
    let dir = world.folder.0.join("rotation");
    std::fs::create_dir_all(&dir).unwrap();
    let keys = |keys: &str| {
        let token = "t:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";
        let pairs = [
            ("PHONEHUB_DATA_DIR", dir.to_str().unwrap()),
            ("PHONEHUB_MASTER_KEY", keys),
            ("PHONEHUB_TOKEN_KEY", token),
        ];
        crate::config::Config::from_pairs(&pairs).unwrap()
    };
    let old = "a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let new = "b:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let open = async |config| {
        let hub = crate::base::ctx::Hub::open(config, crate::base::clock::Clock::default()).await.unwrap();
        World { hub, folder: crate::base::testing::hub().await.1 }
    };
    let before = open(keys(old)).await;
    let ctx = before.admin().await;
    let row = save(&ctx, config(1, &["+14155550100"])).await.unwrap();
    let between = open(keys(&format!("{new},{old}"))).await;
    let administrator = Ctx::administrator(between.hub.clone());
    assert_eq!(rotate::reseal_credentials(&administrator).await.unwrap(), 1);
    assert_eq!(rotate::reseal_credentials(&administrator).await.unwrap(), 0);
    let after = open(keys(new)).await;
    let row = query::find(after.hub.db.read(), row.organization_id.unwrap(), row.id).await.unwrap().unwrap();
    let tokens = webhook_tokens(&after.hub, &row).unwrap();
    assert_eq!(tokens[0].expose_secret(), TOKEN);
}

use entity::{
    contact, contact_number, conversation,
    enums::{Direction, MessageStatus, OptOutScope},
    media, message, number, opt_out, timeline_entry,
};

use super::*;
use crate::{
    base::{events, phone::Address},
    carriers::twilio::InboundMedia,
    features::{
        contacts::{keywords, opt_outs},
        messages::{
            cancel, snapshot,
            testing::{OURS, Stage, THEIRS, text},
        },
    },
};

async fn kinds(stage: &Stage, of: entity::ids::OrganizationId) -> Vec<String> {
    let log = events::read_after(stage.hub.db.read(), of, 0).await.unwrap();
    log.iter()
        .map(|event| event.kind.to_string())
        .filter(|kind| kind.contains("message") || kind.contains("conv"))
        .collect()
}

#[tokio::test]
async fn a_text_arrives_whole() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let file =
        InboundMedia { url: "https://api.twilio.com/x".into(), content_type: Some("image/png".into()) };
    let inbound = InboundMessage { media: vec![file], num_segments: Some(3), ..text("SM1", "Hi\0 there") };
    let received = receive(&stage.hub, &config, &inbound).await.unwrap();
    assert_eq!(received, Received { reply: None, duplicate: false });

    let rows = stage.rows::<message::Entity>(acme).await;
    let [row] = &rows[..] else { panic!("one message") };
    assert_eq!((row.direction, row.status), (Direction::Inbound, MessageStatus::Received));
    assert_eq!((row.sender.as_str(), row.recipient.as_str(), row.body.as_str()), (THEIRS, OURS, "Hi there"));
    assert_eq!((row.segments, row.media_count, row.country.as_deref()), (3, 1, Some("US")));
    assert_eq!(row.carrier_message_id.as_deref(), Some("SM1"));
    assert!(row.is_test && row.number_id.is_some());
    assert_eq!(stage.rows::<media::Entity>(acme).await[0].message_id, row.id);

    let conversation = &stage.rows::<conversation::Entity>(acme).await[0];
    assert_eq!((conversation.unread_count, conversation.last_message_id), (1, Some(row.id)));
    let person = &stage.rows::<contact::Entity>(acme).await[0];
    assert_eq!((conversation.contact_id, person.name.as_deref()), (Some(person.id), None));
    assert_eq!(stage.rows::<contact_number::Entity>(acme).await[0].phone_number, THEIRS);
    assert_eq!(kinds(&stage, acme).await, [snapshot::CONVERSATION_UPDATED, snapshot::RECEIVED]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_is_stored_once_however_often_it_comes() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, false).await;
    let copies = (0..20).map(|_| {
        let (hub, config) = (stage.hub.clone(), config.clone());
        tokio::spawn(async move { receive(&hub, &config, &text("SM1", "STOP")).await.unwrap() })
    });
    let answers: Vec<Received> =
        futures_util::future::join_all(copies).await.into_iter().map(|done| done.unwrap()).collect();
    assert_eq!(answers.iter().filter(|received| !received.duplicate).count(), 1);
    assert_eq!(answers.iter().filter(|received| received.reply.is_some()).count(), 1);
    let inbound = stage.rows::<message::Entity>(acme).await;
    assert_eq!(inbound.iter().filter(|row| row.direction == Direction::Inbound).count(), 1);
    assert_eq!(stage.rows::<conversation::Entity>(acme).await[0].unread_count, 1);
}

#[tokio::test]
async fn a_shared_number_answers_to_whom_wrote_last() {
    let stage = Stage::new().await;
    let operator = stage.operator().await;
    let (acme, bolt) = (stage.organization("Acme").await, stage.organization("Bolt").await);
    let config = stage.system_config().await;
    receive(&stage.hub, &config, &text("SM1", "Anybody?")).await.unwrap();
    assert_eq!(stage.rows::<message::Entity>(operator).await.len(), 1, "unclaimed");

    stage.sending(acme, THEIRS).await;
    stage.hub.clock.advance(chrono::Duration::seconds(1));
    stage.sending(bolt, THEIRS).await;
    stage.hub.clock.advance(chrono::Duration::seconds(1));
    stage.sending(acme, "+12065550101").await;
    receive(&stage.hub, &config, &text("SM2", "To Bolt")).await.unwrap();
    let bodies = |rows: Vec<message::Model>| -> Vec<String> {
        rows.into_iter().filter(|row| row.direction == Direction::Inbound).map(|row| row.body).collect()
    };
    assert_eq!(bodies(stage.rows::<message::Entity>(bolt).await), ["To Bolt"]);
    assert_eq!(bodies(stage.rows::<message::Entity>(acme).await), [""; 0]);
    let conversation = &stage.rows::<conversation::Entity>(bolt).await[..];
    assert_eq!(conversation.len(), 1, "the answer joins the conversation that it answers");
}

#[tokio::test]
async fn on_a_shared_number_only_what_was_sent_counts_as_written() {
    let stage = Stage::new().await;
    stage.operator().await;
    let (acme, bolt) = (stage.organization("Acme").await, stage.organization("Bolt").await);
    let config = stage.system_config().await;
    stage.sending(acme, THEIRS).await;
    stage.hub.clock.advance(chrono::Duration::seconds(1));
    stage.queued(bolt, THEIRS).await;
    let withdrawn = stage.queued(bolt, THEIRS).await;
    cancel::cancel(&stage.ctx(bolt), withdrawn.id).await.unwrap();
    receive(&stage.hub, &config, &text("SM1", "To Acme")).await.unwrap();
    for (organization, expected) in [(acme, 1), (bolt, 0)] {
        let rows = stage.rows::<message::Entity>(organization).await;
        assert_eq!(rows.iter().filter(|row| row.direction == Direction::Inbound).count(), expected);
    }
}

#[tokio::test]
async fn stop_on_a_shared_number_holds_for_everybody_there() {
    let stage = Stage::new().await;
    let operator = stage.operator().await;
    let (acme, bolt) = (stage.organization("Acme").await, stage.organization("Bolt").await);
    let config = stage.system_config().await;
    stage.sending(acme, THEIRS).await;
    receive(&stage.hub, &config, &text("SM1", " stop ")).await.unwrap();
    let db = stage.hub.db.read();
    for organization in [acme, bolt, operator] {
        let blocked = opt_outs::blocked(db, organization, &config.account, OURS, THEIRS).await.unwrap();
        assert!(blocked.is_some());
    }
    let whole = opt_outs::blocked(db, acme, &config.account, "+12065550199", THEIRS).await.unwrap();
    assert_eq!(whole.map(|row| row.scope), Some(OptOutScope::Organization));
    let other = opt_outs::blocked(db, bolt, &config.account, "+12065550199", THEIRS).await.unwrap();
    assert_eq!(other, None, "Bolt's other senders were not refused");

    receive(&stage.hub, &config, &text("SM2", "START")).await.unwrap();
    for organization in [acme, bolt] {
        let blocked = opt_outs::blocked(db, organization, &config.account, OURS, THEIRS).await.unwrap();
        assert_eq!(blocked, None);
    }
}

#[tokio::test]
async fn commands_are_confirmed_once_and_only_where_the_carrier_does_not() {
    let stage = Stage::new().await;
    let quiet = stage.organization("Quiet").await;
    let config = stage.config(quiet, true).await;
    for (sid, body) in [("SM1", "STOP"), ("SM2", "HELP"), ("SM3", "START")] {
        assert_eq!(receive(&stage.hub, &config, &text(sid, body)).await.unwrap().reply, None, "{body}");
    }
    let stage = Stage::new().await;
    let acme = stage.organization("Acme & Co").await;
    let config = stage.config(acme, false).await;
    let mut replies = Vec::new();
    for (sid, body) in [
        ("SM1", "STOP"),
        ("SM2", "stop"),
        ("SM3", "help"),
        ("SM4", "START"),
        ("SM5", "start"),
        ("SM6", "hello"),
    ] {
        replies.push(receive(&stage.hub, &config, &text(sid, body)).await.unwrap().reply.is_some());
    }
    assert_eq!(replies, [true, false, true, true, false, false]);
    let ours: Vec<message::Model> = stage
        .rows::<message::Entity>(acme)
        .await
        .into_iter()
        .filter(|row| row.direction == Direction::Outbound)
        .collect();
    assert_eq!(ours.len(), 3);
    for row in &ours {
        assert_eq!((row.sender.as_str(), row.recipient.as_str()), (OURS, THEIRS));
        assert_eq!((row.status, row.carrier_status.as_deref()), (MessageStatus::Sent, Some("twiml")));
        assert!(row.body.starts_with("Acme & Co: "), "{}", row.body);
    }
    let carrier = InboundMessage { opt_out_type: Some(OptOutType::Stop), ..text("SM7", "no more please") };
    assert_eq!(receive(&stage.hub, &config, &carrier).await.unwrap().reply, None, "the carrier answered");
    let blocked = opt_outs::blocked(stage.hub.db.read(), acme, &config.account, OURS, THEIRS).await.unwrap();
    assert!(blocked.is_some());
}

#[tokio::test]
async fn own_keywords_are_answered_but_not_to_those_who_refuse() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let hours = keywords::SaveKeywordInput {
        id: None,
        word: "hours".into(),
        reply: "9 to 5 <weekdays>".into(),
        active: true,
    };
    keywords::save(&stage.ctx(acme), hours).await.unwrap();
    let answer = receive(&stage.hub, &config, &text("SM1", " Hours ")).await.unwrap().reply;
    assert_eq!(answer.as_deref(), Some("9 to 5 <weekdays>"));
    receive(&stage.hub, &config, &text("SM2", "STOP")).await.unwrap();
    assert_eq!(receive(&stage.hub, &config, &text("SM3", "HOURS")).await.unwrap().reply, None);
}

#[tokio::test]
async fn the_opt_out_route_takes_any_words_and_confirms_once() {
    let stage = Stage::new().await;
    let operator = stage.operator().await;
    let mut config = stage.system_config().await;
    config.replies_to_stop = false;
    receive(&stage.hub, &config, &text("SM1", "leave me alone")).await.unwrap();
    let first = opt_out(&stage.hub, &config, &text("SM1", "leave me alone")).await.unwrap();
    assert!(first.duplicate && first.reply.is_some(), "{first:?}");
    let again = opt_out(&stage.hub, &config, &text("SM1", "leave me alone")).await.unwrap();
    assert_eq!(again.reply, None);
    let refusals = stage.rows::<opt_out::Entity>(operator).await;
    assert!(refusals.iter().all(|row| row.lifted_at.is_none() && row.contact_number == THEIRS));
    assert_eq!(refusals.len(), 2, "the sender, and the organisation");
}

#[tokio::test]
async fn senders_nobody_told_us_of_become_known() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let other = InboundMessage { to: Address::from_carrier("+12065550177"), ..text("SM1", "Hi") };
    receive(&stage.hub, &config, &other).await.unwrap();
    let odd = InboundMessage { from: Address::from_carrier("ACME"), ..text("SM2", "Hi") };
    receive(&stage.hub, &config, &odd).await.unwrap();
    let known: Vec<String> =
        stage.rows::<number::Entity>(acme).await.into_iter().map(|row| row.address).collect();
    assert_eq!(known, [OURS, "+12065550177"]);
    assert_eq!(stage.rows::<contact::Entity>(acme).await.len(), 1, "a name is no person");
}

#[tokio::test]
async fn a_services_answers_join_its_conversation() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let (sent, _) = stage.sending(acme, THEIRS).await;
    let pooled = InboundMessage {
        to: Address::from_carrier("+12065550188"),
        messaging_service_sid: Some(sent.sender.clone()),
        ..text("SM1", "Hi")
    };
    receive(&stage.hub, &config, &pooled).await.unwrap();
    let rows = stage.rows::<message::Entity>(acme).await;
    assert_eq!(rows[0].conversation_id, rows[1].conversation_id);
    assert_eq!(rows[1].recipient, "+12065550188");
    assert!(!stage.rows::<timeline_entry::Entity>(acme).await.is_empty());
}

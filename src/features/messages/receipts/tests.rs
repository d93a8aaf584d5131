use entity::{
    enums::{AttemptState, OptOutSource},
    job, opt_out, timeline_entry,
};

use super::*;
use crate::{
    carriers::twilio::StatusCallback,
    features::messages::{
        attempt::Source,
        testing::{ACCOUNT, Stage, THEIRS},
    },
};

fn receipt(attempt: Option<AttemptId>, sid: &str, word: &str, code: Option<i32>) -> Receipt {
    let callback = StatusCallback {
        message_sid: sid.to_owned(),
        status: RemoteStatus::parse(word),
        account_sid: ACCOUNT.to_owned(),
        to: None,
        from: None,
        messaging_service_sid: None,
        error_code: code,
        error_message: None,
        raw_dlr_done_date: None,
        others: BTreeMap::new(),
    };
    let raw = BTreeMap::from([
        ("MessageSid".to_owned(), sid.to_owned()),
        ("MessageStatus".to_owned(), word.to_owned()),
    ]);
    Receipt { attempt, callback, raw }
}

/// What of a message must not depend on the order of its receipts.
fn facts(
    row: &message::Model,
) -> (MessageStatus, Option<String>, Option<i32>, Option<String>, Option<String>) {
    let row = row.clone();
    (row.status, row.carrier_status, row.error_code, row.error_message, row.carrier_message_id)
}

fn permutations(words: &[(&'static str, Option<i32>)]) -> Vec<Vec<(&'static str, Option<i32>)>> {
    if words.is_empty() {
        return vec![Vec::new()];
    }
    (0..words.len())
        .flat_map(|first| {
            let mut rest = words.to_vec();
            let head = rest.remove(first);
            permutations(&rest).into_iter().map(move |tail| [vec![head], tail].concat())
        })
        .collect()
}

#[tokio::test]
async fn receipts_converge_in_any_order_and_number() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let life = [("queued", None), ("sent", None), ("sent", None), ("undelivered", Some(30_003))];
    let mut sid = 0;
    for order in permutations(&life) {
        for by_attempt in [true, false] {
            sid += 1;
            let name = format!("SM{sid}");
            let (message, attempt) = stage.sending(acme, THEIRS).await;
            for (at, (word, code)) in order.iter().enumerate() {
                // The first one proves the hand-over; later ones may come by the older address, without attempt.
                let proof = (by_attempt || at == 0).then_some(attempt.id);
                take(&stage.hub, &config, receipt(proof, &name, word, *code)).await.unwrap();
            }
            let row = stage.message(message.id).await;
            let reason = error::explain(30_003).map(str::to_owned);
            let undelivered = Some("undelivered".to_owned());
            let expected = (MessageStatus::Undelivered, undelivered, Some(30_003), reason, Some(name));
            assert_eq!(facts(&row), expected, "{order:?}");
        }
    }
    let kept = stage.rows::<receipt::Entity>(acme).await;
    assert_eq!(kept.len(), sid * life.len(), "every receipt is kept");
    assert!(kept.iter().all(|row| row.message_id.is_some() && row.raw["MessageSid"].is_string()));
}

#[tokio::test]
async fn a_callback_is_evidence_for_an_attempt_whose_answer_was_lost() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let (message, attempt) = stage.sending(acme, THEIRS).await;
    let taken = take(&stage.hub, &config, receipt(Some(attempt.id), "SM1", "delivered", None)).await.unwrap();
    assert_eq!(taken, Taken::Applied(message.id));
    let row = stage.message(message.id).await;
    assert_eq!((row.status, row.carrier_message_id.as_deref()), (MessageStatus::Delivered, Some("SM1")));
    let attempts = stage.rows::<attempt::Entity>(acme).await;
    assert_eq!(
        (attempts[0].state, attempts[0].carrier_message_id.as_deref()),
        (AttemptState::Accepted, Some("SM1"))
    );
    let told: Vec<TimelineKind> =
        stage.rows::<timeline_entry::Entity>(acme).await.into_iter().map(|entry| entry.kind).collect();
    assert!(told.contains(&TimelineKind::Receipt) && told.contains(&TimelineKind::EvidenceFound), "{told:?}");
    let polls: Vec<job::Model> =
        stage.rows::<job::Entity>(acme).await.into_iter().filter(|job| job.kind == poll::KIND).collect();
    assert_eq!(polls.len(), 1, "the price is asked for later");
}

#[tokio::test]
async fn receipts_that_come_first_wait_for_their_message() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let (message, attempt) = stage.sending(acme, THEIRS).await;
    for word in ["delivered", "sent"] {
        let taken = take(&stage.hub, &config, receipt(None, "SM1", word, None)).await.unwrap();
        assert_eq!(taken, Taken::Parked);
    }
    let ctx = stage.ctx(acme);
    let tx = ctx.begin().await.unwrap();
    let evidence = Evidence {
        carrier_message_id: "SM1".into(),
        status: RemoteStatus::Queued,
        error: None,
        segments: Some(1),
        source: Source::Answer,
    };
    attempts::accepted(&ctx, &tx, attempt, evidence).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stage.message(message.id).await.status, MessageStatus::Delivered);
    let kept = stage.rows::<receipt::Entity>(acme).await;
    assert!(kept.iter().all(|row| row.message_id == Some(message.id)));
}

#[tokio::test]
async fn foreign_and_unknown_attempts_tell_nothing() {
    let stage = Stage::new().await;
    let operator = stage.operator().await;
    let (acme, bolt) = (stage.organization("Acme").await, stage.organization("Bolt").await);
    let system = stage.system_config().await;
    let (message, attempt) = stage.sending(acme, THEIRS).await;
    let foreign = carrier_config::Model { organization_id: Some(bolt), ..system.clone() };
    let elsewhere = carrier_config::Model { account: "twilio:elsewhere:AC".into(), ..system.clone() };
    for config in [&foreign, &elsewhere] {
        let taken =
            take(&stage.hub, config, receipt(Some(attempt.id), "SM1", "delivered", None)).await.unwrap();
        assert_eq!(taken, Taken::Parked);
    }
    let unknown = receipt(Some(AttemptId::new()), "SM2", "delivered", None);
    assert_eq!(take(&stage.hub, &system, unknown).await.unwrap(), Taken::Parked);
    assert_eq!(stage.message(message.id).await.status, MessageStatus::Sending);
    assert_eq!(stage.rows::<receipt::Entity>(bolt).await.len(), 1);
    assert_eq!(stage.rows::<receipt::Entity>(operator).await.len(), 2);
    let known = take(&stage.hub, &system, receipt(Some(attempt.id), "SM1", "delivered", None)).await.unwrap();
    assert_eq!(
        known,
        Taken::Applied(message.id),
        "the system's config serves everybody who sends through it"
    );
}

#[tokio::test]
async fn a_failure_by_opt_out_is_a_refusal() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    let config = stage.config(acme, true).await;
    let (message, attempt) = stage.sending(acme, THEIRS).await;
    take(&stage.hub, &config, receipt(Some(attempt.id), "SM1", "failed", Some(21_610))).await.unwrap();
    let row = stage.message(message.id).await;
    assert_eq!((row.status, row.error_code), (MessageStatus::Failed, Some(21_610)));
    let refusals = stage.rows::<opt_out::Entity>(acme).await;
    assert!(!refusals.is_empty() && refusals.iter().all(|row| row.source == OptOutSource::Carrier));
}

#[tokio::test]
async fn proofs_of_several_messages_are_written_together_and_of_one_message_only_apart() {
    let stage = Stage::new().await;
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let proof = |sid: &str| Evidence {
        carrier_message_id: sid.to_owned(),
        status: RemoteStatus::Queued,
        error: None,
        segments: Some(1),
        source: Source::Answer,
    };
    let (first, of_first) = stage.sending(acme, "+12065550101").await;
    let (second, of_second) = stage.sending(acme, "+12065550102").await;
    let ctx = Ctx::system(stage.hub.clone(), acme);

    let tx = ctx.begin().await.unwrap();
    let twice = vec![(of_first.clone(), proof("SM1")), (of_first.clone(), proof("SM2"))];
    assert!(attempts::accepted_all(&ctx, &tx, twice).await.is_err());
    drop(tx);

    let tx = ctx.begin().await.unwrap();
    let both = vec![(of_first, proof("SM1")), (of_second, proof("SM2"))];
    attempts::accepted_all(&ctx, &tx, both).await.unwrap();
    tx.commit().await.unwrap();
    for (message, sid) in [(first, "SM1"), (second, "SM2")] {
        assert_eq!(stage.message(message.id).await.carrier_message_id.as_deref(), Some(sid));
        let attempt = attempts::last(stage.hub.db.read(), message.id).await.unwrap().unwrap();
        assert_eq!(
            (attempt.state, attempt.carrier_message_id.as_deref()),
            (AttemptState::Accepted, Some(sid))
        );
    }
}

use std::time::Duration;

use entity::enums::{Direction, MessageStatus};

use super::*;
use crate::{
    carriers::messaging::RemoteStatus,
    features::messages::testing::{Stage, THEIRS},
};

const FIRST: Duration = Duration::from_mins(5);

async fn handed_over(stage: &Stage) -> message::Model {
    let acme = stage.organization("Acme").await;
    stage.config(acme, true).await;
    let (message, _) = stage.sending(acme, THEIRS).await;
    message::Model { carrier_message_id: Some("SM1".into()), ..message }
}

fn remote(status: RemoteStatus) -> RemoteMessage {
    RemoteMessage {
        sid: "SM1".into(),
        status,
        to: None,
        from: None,
        service: None,
        body: None,
        num_media: None,
        num_segments: Some(2),
        price_micros: None,
        price_currency: None,
        error_code: None,
        error_message: None,
        date_created: None,
        date_sent: None,
        direction: None,
    }
}

#[tokio::test]
async fn a_status_is_asked_for_until_it_is_final_or_old() {
    let stage = Stage::new().await;
    let message = handed_over(&stage).await;
    let now = message.created_at;
    let mut progress = Progress::default();
    let mut at = now;
    let mut questions = 0;
    while let Some(next) = schedule::next(&message, progress, FIRST, at) {
        assert!(next > at && next - at <= chrono::Duration::hours(1));
        (at, progress, questions) = (next, progress.after(false), questions + 1);
    }
    assert!((70..=80).contains(&questions), "{questions}");
    let nameless = message::Model { carrier_message_id: None, ..message.clone() };
    assert_eq!(schedule::next(&nameless, Progress::default(), FIRST, now), None);
    let inbound = message::Model { direction: Direction::Inbound, ..message };
    assert_eq!(schedule::next(&inbound, Progress::default(), FIRST, now), None);
}

#[tokio::test]
async fn a_price_is_asked_for_five_times() {
    let stage = Stage::new().await;
    let message = message::Model { status: MessageStatus::Delivered, ..handed_over(&stage).await };
    let now = message.created_at;
    let mut progress = Progress::default().after(false);
    let mut pauses = Vec::new();
    while let Some(next) = schedule::next(&message, progress, FIRST, now) {
        pauses.push((next - now).num_minutes());
        progress = progress.after(true);
    }
    assert_eq!(pauses, [1, 5, 30, 120, 720]);
    let priced = message::Model { price_micros: Some(7_900), ..message };
    assert_eq!(schedule::next(&priced, Progress::default(), FIRST, now), None);
}

#[tokio::test]
async fn an_answer_becomes_a_change_and_what_is_new_is_told() {
    let failed = RemoteMessage {
        error_code: Some(30_003),
        price_micros: Some(7_900),
        price_currency: Some("USD".into()),
        ..remote(RemoteStatus::Undelivered)
    };
    let change = change(&failed);
    assert_eq!(change.status, Some(MessageStatus::Undelivered));
    let words = error::explain(30_003).map(str::to_owned);
    assert_eq!(change.error, words.map(|words| (Some(30_003), words)));
    assert_eq!((change.price, change.segments), (Some((7_900, "USD".into())), Some(2)));

    let stage = Stage::new().await;
    let before = handed_over(&stage).await;
    assert!(told(&before, &before).is_empty(), "asking without learning leaves no trace");
    let after = message::Model { status: MessageStatus::Delivered, price_micros: Some(1), ..before.clone() };
    let kinds: Vec<TimelineKind> = told(&before, &after).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [TimelineKind::Polled, TimelineKind::Priced]);
}

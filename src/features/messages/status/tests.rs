//! Whatever the order and number of receipts, a message ends in the same state.

use entity::{
    enums::Encoding,
    ids::{ConversationId, OrganizationId},
};
use proptest::prelude::*;

use super::*;

fn queued() -> message::Model {
    let now = at(0);
    message::Model {
        id: MessageId::new(),
        organization_id: OrganizationId::new(),
        conversation_id: ConversationId::new(),
        number_id: None,
        carrier_config_id: None,
        account: "twilio:test:AC".into(),
        direction: Direction::Outbound,
        sender: "+12065550150".into(),
        recipient: "+12065550100".into(),
        body: "Hello".into(),
        media_count: 0,
        segments: 1,
        encoding: Encoding::Gsm7,
        country: Some("US".into()),
        status: MessageStatus::Queued,
        status_rank: MessageStatus::Queued.rank(),
        carrier_status: None,
        carrier_message_id: None,
        error_code: None,
        error_message: None,
        is_test: true,
        user_id: None,
        api_key_id: None,
        priority: 0,
        scheduled_at: None,
        validity_seconds: None,
        price_micros: None,
        price_currency: None,
        attempts: 0,
        created_at: now,
        updated_at: now,
        sent_at: None,
        delivered_at: None,
        failed_at: None,
        redacted_at: None,
        carrier_redacted_at: None,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// A receipt as the carrier words it, with the error's code behind the status.
fn receipt(words: &str) -> Change {
    let (word, code) = words.split_once(' ').unwrap_or((words, ""));
    let remote = RemoteStatus::parse(word);
    let failed = matches!(remote, RemoteStatus::Failed | RemoteStatus::Undelivered);
    Change {
        status: of_remote(&remote),
        carrier_status: Some(word.to_owned()),
        carrier_message_id: Some("SM1".to_owned()),
        error: failed.then(|| (code.parse().ok(), format!("off {code}"))),
        ..Change::default()
    }
}

/// What of a row must not depend on the order; times are when the news came.
fn facts(row: &message::Model) -> serde_json::Value {
    serde_json::json!({
        "status": row.status,
        "word": row.carrier_status,
        "error": [row.error_code.map(|code| code.to_string()), row.error_message.clone()],
        "id": row.carrier_message_id,
    })
}

fn after(receipts: &[&str]) -> message::Model {
    receipts.iter().zip(1..).fold(queued(), |row, (word, second)| merge(row, receipt(word), at(second)))
}

/// A person's decision about a message that nobody knows of.
fn guess(status: MessageStatus) -> message::Model {
    let unknown = Change { status: Some(MessageStatus::Unknown), ..Change::default() };
    let guessed = Change { status: Some(status), guessed: true, ..Change::default() };
    merge(merge(queued(), unknown, at(1)), guessed, at(2))
}

#[test]
fn any_later_evidence_overrides_a_person() {
    for status in [MessageStatus::Failed, MessageStatus::Sent] {
        let guessed = guess(status);
        assert_eq!(guessed.status, status);
        assert_eq!(merge(guessed.clone(), receipt("queued"), at(3)).status, status, "that says too little");
        for (word, truth) in [("sent", MessageStatus::Sent), ("undelivered", MessageStatus::Undelivered)] {
            let known = merge(guessed.clone(), receipt(word), at(3));
            assert_eq!((known.status, known.status_rank), (truth, truth.rank()), "{status:?} {word}");
        }
    }
    assert_eq!(merge(guess(MessageStatus::Failed), receipt("sent"), at(3)).failed_at, None);
}

const LIVES: [&[&str]; 7] = [
    &["queued", "sent", "delivered", "read"],
    &["queued", "sending", "sent", "partially_delivered"],
    &["queued", "undelivered", "undelivered 30008", "undelivered 30003"],
    &["queued", "sending", "sent", "delivered"],
    &["accepted", "queued", "sending", "sent", "undelivered"],
    &["queued", "sending", "failed"],
    &["accepted", "queued", "canceled"],
];

proptest! {
    #[test]
    fn every_order_with_any_duplicates_converges(
        life in 0..LIVES.len(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        seed in any::<u64>(),
    ) {
        let straight = after(LIVES[life]);
        let mut shuffled: Vec<&str> = LIVES[life].to_vec();
        shuffled.extend(order.iter().map(|index| *index.get(LIVES[life])));
        let mut state = seed;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        prop_assert_eq!(facts(&after(&shuffled)), facts(&straight));
    }

    #[test]
    fn rank_never_falls(words in prop::collection::vec(0..9_usize, 0..20)) {
        let all = ["accepted", "queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled", "read"];
        let mut row = queued();
        for word in words {
            let next = merge(row.clone(), receipt(all[word]), at(1));
            prop_assert!(next.status_rank >= row.status_rank);
            prop_assert_eq!(next.status_rank, next.status.rank());
            row = next;
        }
    }
}

#[test]
fn a_duplicate_changes_nothing_at_all() {
    let row = after(&["queued", "sent", "delivered"]);
    assert_eq!(merge(row.clone(), receipt("delivered"), at(99)), row);
    assert_eq!(merge(row.clone(), receipt("sent"), at(99)), row);
}

#[test]
fn a_delivery_after_a_failure_clears_the_error() {
    let row = after(&["failed", "delivered"]);
    assert_eq!((row.status, row.error_code), (MessageStatus::Delivered, None));
}

#[test]
fn a_receipt_cannot_make_an_inbound_message_anything_else() {
    let inbound = message::Model { direction: Direction::Inbound, ..queued() };
    let status = inbound.status;
    assert_eq!(merge(inbound, receipt("delivered"), at(1)).status, status);
}

//! A restarted sandbox knows its messages again and lets them live on.

use std::{fs, io::Write, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use super::{OURS, PHONE, Receiver, Settings, Stage, account, settings};
use crate::sandbox::{
    Timing, clock,
    journal::Place,
    message::{Direction, Message, NewMessage, Status},
    optout::Block,
    store::{Filter, Store},
};

/// A journal of its own for each test, gone afterwards.
struct Journal(PathBuf);

impl Journal {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("{}.jsonl", crate::sandbox::sid::random("sandbox-"))))
    }

    fn settings(&self) -> Settings {
        Settings { journal: Some(self.0.clone()), ..settings() }
    }

    /// Nothing moves for an hour.
    fn frozen(&self) -> Settings {
        let hour = Duration::from_hours(1);
        let timing = Timing { queued_to_sent: hour, sent_to_delivered: hour, ..Timing::instant() };
        Settings { timing, ..self.settings() }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn messages_live_on_after_a_kill() {
    let journal = Journal::new();
    let mut receiver = Receiver::silent().await;
    let url = receiver.url("/status");
    let before = Stage::with(journal.frozen()).await;
    let form = [("To", PHONE), ("From", OURS), ("Body", "hello"), ("StatusCallback", &*url)];
    let sid = before.create(&form).await.body["sid"].as_str().expect("a SID").to_owned();
    // Dropped, not stopped; and the last line is torn as by a kill.
    drop(before);
    let mut file = fs::OpenOptions::new().append(true).open(&journal.0).expect("the journal");
    file.write_all(b"{\"message\":{\"sid\":\"SM").expect("room on the disk");

    let after = Stage::with(journal.settings()).await;
    assert_eq!(receiver.next().await.get("MessageStatus"), "sent");
    assert_eq!(receiver.next().await.get("MessageStatus"), "delivered");
    after.idle().await;
    let message = after.fetch(&sid).await;
    assert_eq!((&message["status"], &message["price"]), (&json!("delivered"), &json!("-0.00790")));
    after.sandbox.stop().await;

    let again = Stage::with(journal.settings()).await;
    again.idle().await;
    assert_eq!(again.fetch(&sid).await, message);
    assert_eq!(receiver.rest().len(), 0, "no callback is made twice");
}

#[tokio::test]
async fn a_callback_cut_off_by_a_kill_is_made_again() {
    let journal = Journal::new();
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
    let url = format!("http://{}/status", mute.local_addr().expect("it is bound"));
    let before = Stage::with(journal.settings()).await;
    before.create(&[("To", "+12065550106"), ("From", OURS), ("Body", "x"), ("StatusCallback", &url)]).await;
    // The callback has arrived and is not answered.
    let unanswered = mute.accept().await.expect("a callback");
    drop(before);
    drop(unanswered);
    let after = Stage::with(journal.settings()).await;
    let _still_unanswered = mute.accept().await.expect("the callback again");
    assert_eq!(after.messages().await[0]["callbacks"], json!([]));
}

#[tokio::test]
async fn opt_outs_addresses_and_deletions_are_remembered() {
    let journal = Journal::new();
    let before = Stage::with(journal.settings()).await;
    let gone = before.send(PHONE, "to be deleted").await;
    before.idle().await;
    let url = before.api(&format!("/Messages/{gone}.json"));
    before.http.delete(&url).basic_auth(super::ACCOUNT, Some(super::TOKEN)).send().await.expect("an answer");
    before.control("/sandbox/say", json!({ "from": PHONE, "to": OURS, "body": "STOP" })).await;
    let numbers = before.get(&before.api("/IncomingPhoneNumbers.json")).await.body;
    let uri = numbers["incoming_phone_numbers"][1]["uri"].as_str().expect("a URI").to_owned();
    before.post(&before.url(&uri), &[("SmsUrl", "https://hub.example/sms")]).await.expect("an answer");
    before.idle().await;
    before.sandbox.stop().await;

    // Twice, so that the rewritten file is proved as well.
    for _ in 0..2 {
        let after = Stage::with(journal.settings()).await;
        assert_eq!(after.create(&[("To", PHONE), ("From", OURS), ("Body", "x")]).await.body["code"], 21610);
        assert_eq!(after.get(&after.url(&uri)).await.body["sms_url"], "https://hub.example/sms");
        assert_eq!(after.messages().await.len(), 2, "the STOP and the answer to it");
        after.sandbox.stop().await;
    }
    let text = fs::read_to_string(&journal.0).expect("the journal");
    assert!(!text.contains(super::TOKEN));
}

#[tokio::test]
async fn a_reset_is_remembered_too() {
    let journal = Journal::new();
    let before = Stage::with(journal.settings()).await;
    before.send(PHONE, "hello").await;
    before.control("/sandbox/reset", Value::Null).await;
    drop(before);
    let after = Stage::with(journal.settings()).await;
    assert_eq!(after.messages().await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_unannounced_text_is_announced_after_the_restart() {
    let journal = Journal::new();
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
    let mut told = account();
    told.numbers[0].sms_url = Some(format!("http://{}/sms", mute.local_addr().expect("it is bound")));
    let before = Stage::with(Settings { accounts: vec![told], ..journal.settings() }).await;
    let (url, http) = (before.url("/sandbox/say"), before.http.clone());
    let saying = tokio::spawn(async move {
        http.post(url).json(&json!({ "from": PHONE, "to": OURS, "body": "hello" })).send().await
    });
    let unanswered = mute.accept().await.expect("a webhook");
    // The kill, before the webhook was answered.
    let lines = fs::read(&journal.0).expect("the journal");
    saying.abort();
    drop(before);
    drop(unanswered);
    fs::write(&journal.0, lines).expect("room on the disk");

    let mut receiver = Receiver::silent().await;
    let mut told = account();
    told.numbers[0].sms_url = Some(receiver.url("/sms"));
    let after = Stage::with(Settings { accounts: vec![told], ..journal.settings() }).await;
    assert_eq!(receiver.next().await.get("Body"), "hello");
    after.idle().await;
}

#[test]
fn a_journal_does_not_grow_for_ever() {
    let journal = Journal::new();
    let place = || Place { path: journal.0.clone(), slack: 8_000 };
    let mut store = Store::new(3);
    store.remember(place()).expect("a fresh journal");
    let block = Block { account: super::ACCOUNT.into(), sender: OURS.into(), contact: PHONE.into() };
    store.block(&block);
    for number in 0..200 {
        let new = NewMessage {
            account: super::ACCOUNT.into(),
            service: None,
            from: Some(OURS.into()),
            to: PHONE.into(),
            direction: Direction::OutboundApi,
            body: number.to_string(),
            media: Vec::new(),
            status: Status::Queued,
        };
        store.add(Message::new(new, clock::now()));
        // One line is about 800 bytes.
        assert!(fs::metadata(&journal.0).expect("the journal").len() < 10_000);
    }
    let mut again = Store::new(3);
    again.remember(place()).expect("the journal");
    let everything = Filter::default();
    let bodies: Vec<_> = again.newest(&everything).map(|message| message.body.clone()).collect();
    assert_eq!(bodies, ["199", "198", "197"]);
    assert!(again.is_blocked(&block));
}

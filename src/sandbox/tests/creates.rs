//! What a create request is answered: first statuses, refusals, credentials.

use serde_json::{Value, json};

use super::{ACCOUNT, Answer, OTHER, OURS, PHONE, SERVICE, Stage, TOKEN};

#[tokio::test]
async fn the_first_status_depends_on_the_sender() {
    let stage = Stage::new().await;
    let plain = stage.create(&[("To", PHONE), ("From", OURS), ("Body", "hello")]).await.body;
    assert_eq!(
        (&plain["status"], &plain["num_segments"], &plain["from"]),
        (&json!("queued"), &json!("1"), &json!(OURS))
    );
    assert_eq!(plain["messaging_service_sid"], Value::Null);
    for unknown_yet in ["price", "price_unit", "date_sent", "error_code", "error_message"] {
        assert_eq!(plain[unknown_yet], Value::Null, "{unknown_yet}");
    }

    let pooled =
        stage.create(&[("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "hello")]).await.body;
    assert_eq!((&pooled["status"], &pooled["num_segments"]), (&json!("accepted"), &json!("0")));
    assert_eq!((&pooled["from"], &pooled["messaging_service_sid"]), (&Value::Null, &json!(SERVICE)));
    stage.idle().await;
    let pooled = stage.fetch(pooled["sid"].as_str().expect("a SID")).await;
    assert_eq!((&pooled["from"], &pooled["num_segments"]), (&json!(OTHER), &json!("1")));

    let media = [
        ("To", PHONE),
        ("From", OURS),
        ("MediaUrl", "https://a.example/1"),
        ("MediaUrl", "https://a.example/2"),
    ];
    let media = stage.create(&media).await.body;
    assert_eq!((&media["num_media"], &media["body"]), (&json!("2"), &json!("")));
    assert!(media["sid"].as_str().is_some_and(|sid| sid.starts_with("MM")));
}

#[tokio::test]
async fn every_mistake_has_its_code() {
    let stage = Stage::new().await;
    let long = "x".repeat(1_601);
    let no_service = format!("MG{}", "f".repeat(32));
    let media: Vec<_> = std::iter::repeat_n(("MediaUrl", "https://a.example/1"), 11).collect();
    let base: &[(&str, &str)] = &[("To", PHONE), ("From", OURS), ("Body", "hello")];
    let cases: &[(u64, &[(&str, &str)])] = &[
        (21604, &[("To", "")]),
        (21603, &[("From", "")]),
        (21602, &[("Body", "")]),
        (21617, &[("Body", &long)]),
        (21623, &media),
        (21620, &[("MediaUrl", "ftp://a.example/1")]),
        (21211, &[("To", "12065550150")]),
        (21211, &[("To", "+1206")]),
        (21211, &[("To", "+12065550103")]),
        (21610, &[("To", "+12065550109")]),
        (21614, &[("To", "+12065550111")]),
        (21606, &[("From", "+12065550199")]),
        (21212, &[("From", "+12(06)")]),
        (21266, &[("To", OURS)]),
        (21705, &[("MessagingServiceSid", "MGnone")]),
        (21701, &[("MessagingServiceSid", &no_service)]),
        (21609, &[("StatusCallback", "not a url")]),
        (21624, &[("ValidityPeriod", "0")]),
        (21624, &[("ValidityPeriod", "36001")]),
        (21624, &[("ValidityPeriod", "soon")]),
        (20001, &[("SmartEncoded", "maybe")]),
        (35114, &[("MessagingServiceSid", SERVICE), ("ScheduleType", "fixed")]),
        (
            35114,
            &[
                ("MessagingServiceSid", SERVICE),
                ("ScheduleType", "fixed"),
                ("SendAt", "2020-01-01T00:00:00Z"),
            ],
        ),
        (20001, &[("MessagingServiceSid", SERVICE), ("ScheduleType", "whenever")]),
    ];
    for (code, changes) in cases {
        let kept = base.iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        let form: Vec<_> = kept.chain(changes.iter()).copied().collect();
        let Answer { status, body, .. } = stage.create(&form).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{changes:?}: {body}");
        assert_eq!(body["status"], 400);
        assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_eq!(stage.messages().await, Vec::<Value>::new());
    let stats = stage.stats().await;
    assert_eq!(
        (&stats["creates"], &stats["refused"], &stats["accepted"]),
        (&json!(24), &json!(24), &json!(0))
    );
}

#[tokio::test]
async fn the_longest_body_passes() {
    let stage = Stage::new().await;
    let body = "ü".repeat(1_600);
    let answer = stage.create(&[("To", PHONE), ("From", OURS), ("Body", &body)]).await;
    assert_eq!((answer.status, &answer.body["num_segments"]), (201, &json!("11")));
}

#[tokio::test]
async fn scheduling_without_a_service_sends_at_once() {
    let stage = Stage::new().await;
    let form = [
        ("To", PHONE),
        ("From", OURS),
        ("Body", "x"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2099-01-01T00:00:00Z"),
    ];
    assert_eq!(stage.create(&form).await.body["status"], "queued");
}

#[tokio::test]
async fn credentials_are_checked() {
    let stage = Stage::new().await;
    let foreign = "AC00000000000000000000000000000000";
    stage.control("/sandbox/accounts", json!({ "sid": foreign, "auth_token": "t" })).await;
    let url = stage.api("/Messages.json");
    let cases = [
        (ACCOUNT, TOKEN, 200, Value::Null),
        ("SK0123456789abcdef0123456789abcdef", "secret", 200, Value::Null),
        (ACCOUNT, "wrong", 401, json!(20003)),
        (ACCOUNT, "", 401, json!(20003)),
        ("SK0123456789abcdef0123456789abcdef", TOKEN, 401, json!(20003)),
        ("nobody", TOKEN, 401, json!(20003)),
        (foreign, "t", 404, json!(20404)),
    ];
    for (user, password, status, code) in cases {
        let response = stage.http.get(&url).basic_auth(user, Some(password)).send().await.expect("an answer");
        let answer = Answer::of(response).await.expect("a whole answer");
        assert_eq!((answer.status, &answer.body["code"]), (status, &code), "{user}");
        assert_eq!(answer.headers.contains_key("WWW-Authenticate"), status == 401);
    }
    let bare = stage.http.get(&url).send().await.expect("an answer");
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn an_api_key_is_not_shown_the_token() {
    let stage = Stage::new().await;
    let url = stage.api(".json");
    let key = stage.http.get(&url).basic_auth("SK0123456789abcdef0123456789abcdef", Some("secret"));
    let by_key = Answer::of(key.send().await.expect("an answer")).await.expect("a whole answer");
    assert_eq!((by_key.status, &by_key.body["auth_token"]), (200, &Value::Null));
    assert_eq!(stage.get(&url).await.body["auth_token"], TOKEN);
    assert!(!format!("{:?}", super::account()).contains(TOKEN));
}

#[tokio::test]
async fn unknown_paths_are_twilio_errors() {
    let stage = Stage::new().await;
    for path in ["/Calls.json", "/Messages/SM0.json", "/Messages/SM0", "/IncomingPhoneNumbers/PN0.json"] {
        let answer = stage.get(&stage.api(path)).await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!(20404)), "{path}");
    }
    let put = stage.http.put(stage.api("/Messages.json")).send().await.expect("an answer");
    assert_eq!(Answer::of(put).await.expect("a whole answer").body["code"], 20004);
}

#[tokio::test]
async fn the_body_is_smart_encoded_on_request() {
    let stage = Stage::new().await;
    let form = [("To", PHONE), ("From", OURS), ("Body", "“Hi” – you…"), ("SmartEncoded", "true")];
    let answer = stage.create(&form).await;
    assert_eq!(answer.body["body"], "\"Hi\" - you...");
    assert_eq!(stage.messages().await[0]["given_body"], "“Hi” – you…");
}

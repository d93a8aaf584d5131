use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::carriers::error::{ErrorKind, RetryClass};

fn answer(status: u16, body: impl Into<Bytes>) -> HttpResponse {
    let status = StatusCode::from_u16(status).expect("a status");
    HttpResponse { status, headers: HeaderMap::new(), body: body.into() }
}

/// The description's own example of a message that failed.
fn fetched() -> Value {
    json!({
        "account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "api_version": "2010-04-01", "body": "testing",
        "date_created": "Fri, 24 May 2019 17:18:27 +0000", "date_sent": "Fri, 24 May 2019 17:18:28 +0000",
        "date_updated": "Fri, 24 May 2019 17:18:28 +0000", "direction": "outbound-api", "error_code": 30007,
        "error_message": "Carrier violation", "from": "+12019235161",
        "messaging_service_sid": "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "num_media": "0", "num_segments": "1",
        "price": "-0.00750", "price_unit": "usd", "sid": "SMb7c0a2ce80504485a6f653a7110836f5", "status": "sent",
        "to": "+18182008801", "uri": "/2010-04-01/Accounts/AC/Messages/SM.json", "subresource_uris": {}
    })
}

fn message(changes: &Value) -> RemoteMessage {
    let mut body = fetched();
    for (key, value) in changes.as_object().expect("an object") {
        body[key] = value.clone();
    }
    parse_message(&answer(200, body.to_string())).expect("a message")
}

#[test]
fn the_descriptions_example_is_read_whole() {
    let message = message(&json!({}));
    assert_eq!(message.sid, "SMb7c0a2ce80504485a6f653a7110836f5");
    assert_eq!(message.status, RemoteStatus::Sent);
    assert_eq!(message.to.as_deref(), Some("+18182008801"));
    assert_eq!(message.from.as_deref(), Some("+12019235161"));
    assert_eq!(message.service.as_deref(), Some("MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_eq!((message.num_media, message.num_segments), (Some(0), Some(1)));
    assert_eq!(message.price_micros, Some(7_500));
    assert_eq!(message.price_currency.as_deref(), Some("USD"));
    assert_eq!(
        (message.error_code, message.error_message.as_deref()),
        (Some(30_007), Some("Carrier violation"))
    );
    assert_eq!(message.date_created.map(|at| at.to_rfc3339()).as_deref(), Some("2019-05-24T17:18:27+00:00"));
    assert_eq!(message.direction, Some(Direction::Outbound));
}

#[test]
fn what_the_carrier_does_not_know_yet_is_absent() {
    let early = message(&json!({
        "num_segments": "0", "price": null, "price_unit": "USD", "error_code": null, "error_message": null,
        "date_sent": null, "from": null, "messaging_service_sid": ""
    }));
    assert_eq!((early.num_segments, early.price_micros, early.error_code), (None, None, None));
    assert_eq!((early.date_sent, early.from, early.service), (None, None, None));
    let loose =
        message(&json!({ "num_segments": 3, "price": -0.0079, "error_code": "30003", "status": "beamed" }));
    assert_eq!(
        (loose.num_segments, loose.price_micros, loose.error_code),
        (Some(3), Some(7_900), Some(30_003))
    );
    assert_eq!(loose.status, RemoteStatus::Unknown("beamed".to_owned()));
}

#[test]
fn only_a_readable_success_is_accepted() {
    let accepted = parse_send(&answer(201, fetched().to_string()));
    assert!(matches!(accepted, SendOutcome::Accepted(_)), "{accepted:?}");
    for body in ["", "<html>", "{}", "{\"sid\":\"SM1\"}", "[1,2]", "{\"sid\":\"SM1\",\"status\":null}"] {
        let garbage = parse_send(&answer(201, body));
        let SendOutcome::InDoubt(error) = &garbage else { panic!("{body}: {garbage:?}") };
        assert_eq!((error.kind, error.http), (ErrorKind::Unreadable, Some(201)), "{body}");
    }
    for status in [204, 302, 500, 502, 503] {
        let unclear = parse_send(&answer(status, "{\"code\":20500,\"message\":\"oops\"}"));
        assert!(matches!(unclear, SendOutcome::InDoubt(_)), "{status}: {unclear:?}");
    }
}

#[test]
fn a_refusal_keeps_the_carriers_code_and_words() {
    let body = json!({
        "code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400,
        "more_info": "https://www.twilio.com/docs/errors/21610"
    });
    let SendOutcome::Refused(error) = parse_send(&answer(400, body.to_string())) else {
        panic!("a 4xx is definite")
    };
    assert_eq!((error.kind, error.code, error.http), (ErrorKind::Refused, Some(21_610), Some(400)));
    assert_eq!(error.retry(), RetryClass::OptOut);
    assert_eq!(error.text, "Attempt to send to unsubscribed recipient");
    assert_eq!(error.explanation(), "recipient has opted out of this sender");
}

#[test]
fn too_many_requests_says_how_long_to_wait() {
    let mut busy = answer(429, json!({ "code": 20429, "message": "Too many", "status": 429 }).to_string());
    busy.headers.insert("retry-after", "7".parse().expect("a header"));
    let SendOutcome::Refused(error) = parse_send(&busy) else { panic!("a 429 is definite") };
    assert_eq!((error.kind, error.retry()), (ErrorKind::RateLimited, RetryClass::Backoff));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));

    busy.headers.insert("retry-after", "Thu, 24 Aug 2023 05:02:00 GMT".parse().expect("a header"));
    assert_eq!(parse_error(&busy).retry_after, None, "a date without the carrier's clock says nothing");
    busy.headers.insert("date", "Thu, 24 Aug 2023 05:01:45 GMT".parse().expect("a header"));
    assert_eq!(parse_error(&busy).retry_after, Some(Duration::from_secs(15)));
    busy.headers.insert("retry-after", "99999999999".parse().expect("a header"));
    assert_eq!(parse_error(&busy).retry_after, Some(Duration::from_hours(24)), "bounded");
}

#[test]
fn errors_without_json_are_told_by_their_status() {
    for (status, kind) in [
        (401, ErrorKind::Credentials),
        (404, ErrorKind::NotFound),
        (418, ErrorKind::Refused),
        (503, ErrorKind::Server),
    ] {
        let error = parse_error(&answer(status, "<html>secret 4155550123</html>"));
        assert_eq!((error.kind, error.code, error.http), (kind, None, Some(status)));
        assert!(!error.text.contains("secret"), "an unknown page is not quoted: {}", error.text);
    }
}

#[test]
fn candidates_are_by_sender_time_and_direction() {
    let since = date(Some("Fri, 24 May 2019 17:18:27 +0000")).expect("a date");
    let query = |sender| FindQuery { to: "+18182008801".to_owned(), sender, since, max_pages: 1 };
    let number = query(Sender::From("+12019235161".to_owned()));
    let service = query(Sender::Service("MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()));
    for query in [&number, &service] {
        assert!(is_candidate(&message(&json!({})), query));
        assert!(!is_candidate(&message(&json!({ "direction": "inbound" })), query));
        assert!(!is_candidate(
            &message(&json!({ "date_created": "Fri, 24 May 2019 17:18:26 +0000" })),
            query
        ));
    }
    assert!(!is_candidate(&message(&json!({ "from": "+12019235162" })), &number));
    assert!(!is_candidate(&message(&json!({ "messaging_service_sid": null })), &service));
}

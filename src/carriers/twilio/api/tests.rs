use chrono::DateTime;

use super::*;
use crate::carriers::twilio::credentials::ApiAuth;

fn api(base: &str) -> Api {
    let account_sid = "AC0123456789abcdef0123456789abcdef".parse().expect("an account SID");
    let auth = ApiAuth::AuthToken("canary".to_owned().into());
    let credentials = TwilioCredentials { account_sid, auth, auth_tokens: Vec::new() };
    Api::new(base.parse().expect("a base URL"), &credentials)
}

fn show(request: &HttpRequest) -> String {
    let mut lines = vec![format!("{} {}", request.method, request.url)];
    lines.extend(request.form.iter().flatten().map(|(key, value)| format!("{key}={value}")));
    lines.join("\n")
}

fn outgoing() -> Outgoing {
    Outgoing {
        to: "+14155550123".to_owned(),
        sender: Sender::From("+14155550100".to_owned()),
        body: Some("Zażółć & 50% + 😀".to_owned()),
        media_urls: vec!["https://a.test/1".to_owned(), "https://a.test/2".to_owned()],
        status_callback: "https://hub.test/webhooks/twilio/c/status/a".to_owned(),
        validity_seconds: Some(600),
        smart_encoded: true,
    }
}

#[test]
fn a_message_is_created_as_the_description_says() {
    insta::assert_snapshot!(show(&api(DEFAULT_BASE_URL).create_message(&outgoing())), @r"
    POST https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json
    To=+14155550123
    From=+14155550100
    Body=Zażółć & 50% + 😀
    MediaUrl=https://a.test/1
    MediaUrl=https://a.test/2
    StatusCallback=https://hub.test/webhooks/twilio/c/status/a
    ValidityPeriod=600
    SmartEncoded=true
    ");
}

#[test]
fn a_service_stands_in_for_the_sender_and_absent_things_are_left_out() {
    let message = Outgoing {
        sender: Sender::Service("MG1".to_owned()),
        body: None,
        media_urls: Vec::new(),
        validity_seconds: None,
        smart_encoded: false,
        ..outgoing()
    };
    insta::assert_snapshot!(show(&api("http://127.0.0.1:8081/").create_message(&message)), @r"
    POST http://127.0.0.1:8081/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json
    To=+14155550123
    MessagingServiceSid=MG1
    StatusCallback=https://hub.test/webhooks/twilio/c/status/a
    SmartEncoded=false
    ");
}

#[test]
fn the_other_requests_go_where_they_should() {
    let api = api("https://proxy.test/twilio/");
    let query = FindQuery {
        to: "+14155550123".to_owned(),
        sender: Sender::From("+14155550100".to_owned()),
        since: DateTime::UNIX_EPOCH,
        max_pages: 3,
    };
    let by_service = FindQuery { sender: Sender::Service("MG1".to_owned()), ..query.clone() };
    let shown = [
        api.list_messages(&query),
        api.list_messages(&by_service),
        api.probe_messages(),
        api.fetch_message("SM1").expect("a SID"),
        api.cancel_message("SM1").expect("a SID"),
        api.redact_message("SM1").expect("a SID"),
        api.fetch_account(),
        api.list_senders(),
    ]
    .map(|request| show(&request).replace("AC0123456789abcdef0123456789abcdef", "AC"))
    .join("\n");
    insta::assert_snapshot!(shown, @r"
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages.json?To=%2B14155550123&From=%2B14155550100&PageSize=50
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages.json?To=%2B14155550123&PageSize=50
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages.json?PageSize=1
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages/SM1.json
    POST https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages/SM1.json
    Status=canceled
    POST https://proxy.test/twilio/2010-04-01/Accounts/AC/Messages/SM1.json
    Body=
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC.json
    GET https://proxy.test/twilio/2010-04-01/Accounts/AC/IncomingPhoneNumbers.json?PageSize=500
    ");
}

#[test]
fn credentials_never_leave_the_carriers_host() {
    let api = api("https://api.twilio.com");
    let next = "/2010-04-01/Accounts/AC1/Messages.json?PageSize=50&Page=1&PageToken=PASM%2B1";
    let followed = api.follow(next).expect("relative");
    assert_eq!(followed.url.as_str(), format!("https://api.twilio.com{next}"));
    assert!(followed.basic.is_some());
    for uri in [
        "https://evil.test/x",
        "//evil.test/x",
        "http://api.twilio.com/x",
        "https://api.twilio.com:8443/x",
        "https://api.twilio.com@evil.test/x",
    ] {
        assert!(api.follow(uri).is_err(), "{uri}");
    }
}

#[test]
fn a_sid_cannot_change_the_path() {
    let api = api(DEFAULT_BASE_URL);
    for sid in ["", "..", "SM1/../../x", "SM1?x=y", "SM1%2f"] {
        assert!(api.fetch_message(sid).is_err(), "{sid}");
    }
}

#[test]
fn a_base_url_is_a_root_and_nothing_more() {
    assert_eq!("https://a.test".parse::<BaseUrl>().expect("valid").as_url().as_str(), "https://a.test/");
    for url in ["", "a.test", "ftp://a.test", "https://u:p@a.test", "https://a.test/?x", "https://a.test/#x"]
    {
        assert_eq!(url.parse::<BaseUrl>(), Err(NotABaseUrl), "{url}");
    }
}

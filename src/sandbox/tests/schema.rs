//! Every answer fits Twilio's published description: all properties are there, none besides, each of its type, pattern and enum.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{ACCOUNT, OURS, PHONE, Receiver, SERVICE, Stage};

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../specs/twilio_api_v2010.json"))
        .expect("the description is JSON")
});

/// What is wrong with `value`, as sentences with the place.
fn complaints(value: &Value, schema: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = &SPEC["components"]["schemas"][name.rsplit('/').next().unwrap_or_default()];
        assert!(target.is_object(), "{name} is not described");
        return complaints(value, target, place);
    }
    if value.is_null() {
        let nullable = schema["nullable"] == true;
        return if nullable { Vec::new() } else { vec![format!("{place} is null")] };
    }
    match schema["type"].as_str() {
        Some("object") => object_complaints(value, schema, place),
        Some("array") => {
            let Some(items) = value.as_array() else { return vec![format!("{place} is no list")] };
            let each = items.iter().enumerate();
            each.flat_map(|(at, item)| complaints(item, &schema["items"], &format!("{place}[{at}]")))
                .collect()
        }
        Some("string") => string_complaints(value, schema, place),
        Some("integer") if !value.is_i64() => vec![format!("{place} is no integer: {value}")],
        Some("boolean") if !value.is_boolean() => vec![format!("{place} is no boolean: {value}")],
        Some("integer" | "boolean") => Vec::new(),
        other => vec![format!("{place}: a type that this validator does not know: {other:?}")],
    }
}

fn object_complaints(value: &Value, schema: &Value, place: &str) -> Vec<String> {
    let Some(object) = value.as_object() else { return vec![format!("{place} is no object: {value}")] };
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let missing = properties.keys().filter(|key| !object.contains_key(*key));
    let mut found: Vec<_> = missing.map(|key| format!("{place}.{key} is missing")).collect();
    for (key, item) in object {
        match properties.get(key) {
            Some(schema) => found.extend(complaints(item, schema, &format!("{place}.{key}"))),
            None => found.push(format!("{place}.{key} is not described")),
        }
    }
    found
}

fn string_complaints(value: &Value, schema: &Value, place: &str) -> Vec<String> {
    let Some(text) = value.as_str() else { return vec![format!("{place} is no string: {value}")] };
    let in_enum = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    let in_pattern = schema["pattern"].as_str().is_none_or(|pattern| fits(text, pattern));
    let is_date = chrono::DateTime::parse_from_rfc2822(text).is_ok() && text.ends_with("+0000");
    let in_format = schema["format"] != "date-time-rfc-2822" || is_date;
    if in_enum && in_pattern && in_format {
        Vec::new()
    } else {
        vec![format!("{place} does not fit: {text}")]
    }
}

/// The one form of pattern in the description: `^(SM|MM)[0-9a-fA-F]{32}$`.
fn fits(text: &str, pattern: &str) -> bool {
    let prefixes = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix("[0-9a-fA-F]{32}$"));
    let prefixes = prefixes.expect("a pattern of a SID").trim_matches(['(', ')']);
    prefixes.split('|').any(|prefix| super::super::sid::is(prefix, text))
}

fn check(path: &str, method: &str, status: u16, body: &Value) {
    let answer =
        &SPEC["paths"][format!("/2010-04-01/Accounts{path}")][method]["responses"][status.to_string()];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} is not described with {status}");
    assert_eq!(complaints(body, schema, ""), Vec::<String>::new(), "{body:#}");
}

#[test]
fn the_validator_finds_faults() {
    let schema = json!({ "type": "object", "properties": {
        "sid": { "type": "string", "pattern": "^(SM|MM)[0-9a-fA-F]{32}$" },
        "at": { "type": "string", "format": "date-time-rfc-2822" },
        "status": { "$ref": "#/components/schemas/message_enum_status" },
        "count": { "type": "integer", "nullable": true },
    }});
    let good = json!({ "sid": format!("SM{}", "0".repeat(32)), "at": "Thu, 24 Aug 2023 05:01:45 +0000",
        "status": "queued", "count": null });
    assert_eq!(complaints(&good, &schema, ""), Vec::<String>::new());
    for (key, bad) in
        [("sid", json!("SM0")), ("at", json!("2023-08-24")), ("status", json!("lost")), ("count", json!("1"))]
    {
        let mut body = good.clone();
        body[key] = bad;
        assert_eq!(complaints(&body, &schema, "").len(), 1, "{key}");
    }
    assert_eq!(complaints(&json!({}), &schema, "").len(), 4);
}

#[tokio::test]
async fn messages_fit() {
    let stage = Stage::new().await;
    let messages = "/{AccountSid}/Messages.json";
    let one = "/{AccountSid}/Messages/{Sid}.json";
    let plain = stage.create(&[("To", PHONE), ("From", OURS), ("Body", "hello")]).await;
    check(messages, "post", plain.status, &plain.body);
    let service = [("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "hello")];
    let service = stage.create(&service).await;
    check(messages, "post", service.status, &service.body);
    let failing = [("To", "+12065550102"), ("From", OURS), ("MediaUrl", "https://media.example/a.png")];
    let failing = stage.create(&failing).await;
    check(messages, "post", failing.status, &failing.body);
    stage.idle().await;
    for created in [&plain, &service, &failing] {
        let sid = created.body["sid"].as_str().expect("a SID");
        let fetched = stage.get(&stage.api(&format!("/Messages/{sid}.json"))).await;
        check(one, "get", fetched.status, &fetched.body);
    }
    let list = stage.get(&stage.api("/Messages.json?PageSize=2")).await;
    check(messages, "get", list.status, &list.body);
    assert_eq!(list.body["messages"].as_array().map(Vec::len), Some(2));
    let sid = plain.body["sid"].as_str().expect("a SID");
    let redacted =
        stage.post(&stage.api(&format!("/Messages/{sid}.json")), &[("Body", "")]).await.expect("an answer");
    check(one, "post", redacted.status, &redacted.body);
}

#[tokio::test]
async fn account_numbers_and_media_fit() {
    let stage = Stage::new().await;
    let account = stage.get(&stage.api(".json")).await;
    check("/{Sid}.json", "get", account.status, &account.body);
    let numbers = stage.get(&stage.api("/IncomingPhoneNumbers.json")).await;
    check("/{AccountSid}/IncomingPhoneNumbers.json", "get", numbers.status, &numbers.body);
    let number = numbers.body["incoming_phone_numbers"][0]["sid"].as_str().expect("a SID").to_owned();
    let url = stage.api(&format!("/IncomingPhoneNumbers/{number}.json"));
    let updated = stage.post(&url, &[("SmsUrl", "https://hub.example/sms")]).await.expect("an answer");
    check("/{AccountSid}/IncomingPhoneNumbers/{Sid}.json", "post", updated.status, &updated.body);

    let media = [("To", PHONE), ("From", OURS), ("MediaUrl", "https://media.example/a.png")];
    let sid = stage.create(&media).await.body["sid"].as_str().expect("a SID").to_owned();
    let list = stage.get(&stage.api(&format!("/Messages/{sid}/Media.json"))).await;
    check("/{AccountSid}/Messages/{MessageSid}/Media.json", "get", list.status, &list.body);
    let uri = list.body["media_list"][0]["uri"].as_str().expect("a URI").to_owned();
    let one = stage.get(&stage.url(&uri)).await;
    check("/{AccountSid}/Messages/{MessageSid}/Media/{Sid}.json", "get", one.status, &one.body);
}

#[tokio::test]
async fn an_inbound_message_fits() {
    let stage = Stage::new().await;
    let receiver = Receiver::twiml("<Response><Message>hi</Message></Response>").await;
    let url = receiver.url("/sms");
    let numbers = stage.get(&stage.api("/IncomingPhoneNumbers.json")).await.body;
    let uri = numbers["incoming_phone_numbers"][0]["uri"].as_str().expect("a URI").to_owned();
    stage.post(&stage.url(&uri), &[("SmsUrl", &url)]).await.expect("an answer");
    stage.control("/sandbox/say", json!({ "from": PHONE, "to": OURS, "body": "hello" })).await;
    stage.idle().await;
    let list = stage.get(&stage.api("/Messages.json")).await;
    check("/{AccountSid}/Messages.json", "get", list.status, &list.body);
    let directions: Vec<_> = list.body["messages"].as_array().expect("a list").iter().collect();
    assert_eq!(directions[0]["direction"], "outbound-reply", "newest first, for {ACCOUNT}");
    assert_eq!(directions[1]["direction"], "inbound");
}

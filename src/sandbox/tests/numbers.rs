//! The numbers of an account: filters, pages, changed webhook addresses.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn numbers_are_filtered_by_any_part() {
    let stage = Stage::new().await;
    for (filter, count) in [
        ("", 2),
        ("?PhoneNumber=%2B12065550190", 1),
        ("?PhoneNumber=555", 2),
        ("?PhoneNumber=55501*1", 1),
        ("?PhoneNumber=999", 0),
        ("?FriendlyName=nobody", 0),
    ] {
        let answer = stage.get(&stage.api(&format!("/IncomingPhoneNumbers.json{filter}"))).await.body;
        assert_eq!(answer["incoming_phone_numbers"].as_array().map(Vec::len), Some(count), "{filter}");
    }
    let page = stage.get(&stage.api("/IncomingPhoneNumbers.json?PageSize=1")).await.body;
    let next = stage.get(&stage.url(page["next_page_uri"].as_str().expect("a URI"))).await.body;
    assert_eq!(next["next_page_uri"], json!(null));
    assert_ne!(page["incoming_phone_numbers"][0]["sid"], next["incoming_phone_numbers"][0]["sid"]);
    let back = stage.get(&stage.url(next["previous_page_uri"].as_str().expect("a URI"))).await.body;
    assert_eq!(back["incoming_phone_numbers"], page["incoming_phone_numbers"]);
}

#[tokio::test]
async fn a_wrong_change_changes_nothing() {
    let stage = Stage::new().await;
    let list = stage.get(&stage.api("/IncomingPhoneNumbers.json")).await.body;
    let url = stage.url(list["incoming_phone_numbers"][0]["uri"].as_str().expect("a URI"));
    for (form, code) in [
        ([("FriendlyName", "new"), ("SmsUrl", "not a url")], 21402),
        ([("FriendlyName", "new"), ("SmsMethod", "PATCH")], 21403),
    ] {
        let answer = stage.post(&url, &form).await.expect("an answer");
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(code)));
    }
    assert_eq!(stage.get(&url).await.body["friendly_name"], "+12065550190");
    let changed =
        stage.post(&url, &[("FriendlyName", "front desk"), ("SmsUrl", "")]).await.expect("an answer");
    assert_eq!((changed.status, &changed.body["friendly_name"]), (200, &json!("front desk")));
}

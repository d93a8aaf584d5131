//! Media of messages, in and out.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{ACCOUNT, OURS, PHONE, Receiver, Settings, Stage, TOKEN, account, settings};

#[tokio::test]
async fn inbound_media_are_read_through_a_redirect() {
    let mut receiver = Receiver::silent().await;
    let mut account = account();
    account.numbers[0].sms_url = Some(receiver.url("/sms"));
    let stage = Stage::with(Settings { accounts: vec![account], ..settings() }).await;
    let picture = b"\x89PNG not really";
    let media = json!([{ "content_type": "image/png", "base64": STANDARD.encode(picture) }, "https://a.example/clip.mp4"]);
    let said = stage.control("/sandbox/say", json!({ "from": PHONE, "to": OURS, "media": media })).await.body;
    assert!(said["sid"].as_str().is_some_and(|sid| sid.starts_with("MM")), "{said}");
    let hit = receiver.next().await;
    assert_eq!(
        (hit.get("NumMedia"), hit.get("MediaContentType0"), hit.get("MediaContentType1")),
        ("2", "image/png", "video/mp4")
    );

    let url = hit.get("MediaUrl0");
    assert_eq!(stage.http.get(url).send().await.expect("an answer").status(), 401);
    let lead = stage.get(url).await;
    assert_eq!(lead.status, 307);
    let location = lead.headers["Location"].to_str().expect("a URL");
    let content = stage.http.get(location).send().await.expect("an answer");
    assert_eq!(
        (content.status().as_u16(), &content.headers()["Content-Type"]),
        (200, &"image/png".parse().expect("a value"))
    );
    assert_eq!(&content.bytes().await.expect("bytes")[..], picture);
    assert_eq!(stage.get(hit.get("MediaUrl1")).await.headers["Location"], "https://a.example/clip.mp4");
    let described = stage.get(&format!("{url}.json")).await;
    assert_eq!((described.status, &described.body["content_type"]), (200, &json!("image/png")));
}

#[tokio::test]
async fn media_are_listed_in_pages() {
    let stage = Stage::new().await;
    let urls: Vec<String> = (0..5).map(|number| format!("https://a.example/{number}.gif")).collect();
    let mut form = vec![("To", PHONE), ("From", OURS)];
    form.extend(urls.iter().map(|url| ("MediaUrl", url.as_str())));
    let sid = stage.create(&form).await.body["sid"].as_str().expect("a SID").to_owned();
    let mut url = stage.api(&format!("/Messages/{sid}/Media.json?PageSize=2"));
    let mut seen = Vec::new();
    loop {
        let page = stage.get(&url).await.body;
        seen.extend(page["media_list"].as_array().expect("a list").iter().map(|media| media["sid"].clone()));
        match page["next_page_uri"].as_str() {
            Some(next) => url = stage.url(next),
            None => break,
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn media_of_others_are_missing() {
    let stage = Stage::new().await;
    let foreign = "AC00000000000000000000000000000000";
    stage.control("/sandbox/accounts", json!({ "sid": foreign, "auth_token": "t" })).await;
    let media = [("To", PHONE), ("From", OURS), ("MediaUrl", "https://a.example/1")];
    let sid = stage.create(&media).await.body["sid"].as_str().expect("a SID").to_owned();
    let theirs = stage.url(&format!("/2010-04-01/Accounts/{foreign}/Messages/{sid}/Media.json"));
    let answer = stage.http.get(theirs).basic_auth(foreign, Some("t")).send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
    let path = format!("/content/{sid}/ME0");
    assert_eq!(
        stage
            .http
            .get(stage.url(&path))
            .basic_auth(ACCOUNT, Some(TOKEN))
            .send()
            .await
            .expect("an answer")
            .status(),
        404
    );
}

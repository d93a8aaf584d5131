//! Lists of messages: pages, tokens, filters.

use serde_json::{Value, json};

use super::{OTHER, OURS, PHONE, SERVICE, Stage};

fn bodies(page: &Value) -> Vec<String> {
    let messages = page["messages"].as_array().expect("a list");
    messages.iter().map(|message| message["body"].as_str().expect("a body").to_owned()).collect()
}

async fn filled(count: usize) -> Stage {
    let stage = Stage::new().await;
    for number in 0..count {
        stage.send(PHONE, &format!("{number}")).await;
    }
    stage
}

#[tokio::test]
async fn pages_are_followed_forwards_and_back() {
    let stage = filled(7).await;
    let mut page = stage.get(&stage.api("/Messages.json?PageSize=3")).await.body;
    assert_eq!(bodies(&page), ["6", "5", "4"]);
    assert_eq!(
        (&page["page"], &page["page_size"], &page["start"], &page["end"]),
        (&json!(0), &json!(3), &json!(0), &json!(2))
    );
    assert_eq!(page["previous_page_uri"], Value::Null);
    // A newer message must not shift the pages behind.
    stage.send(PHONE, "new").await;
    for expected in [vec!["3", "2", "1"], vec!["0"]] {
        let next = page["next_page_uri"].as_str().expect("a relative URI");
        assert!(next.starts_with("/2010-04-01/Accounts/AC"), "{next}");
        page = stage.get(&stage.url(next)).await.body;
        assert_eq!(bodies(&page), expected);
    }
    assert_eq!(page["next_page_uri"], Value::Null);
    assert_eq!((&page["start"], &page["end"]), (&json!(6), &json!(6)));
    let back = stage.get(&stage.url(page["previous_page_uri"].as_str().expect("a URI"))).await.body;
    assert_eq!(bodies(&back), ["3", "2", "1"]);
    let first = stage.get(&stage.url(page["first_page_uri"].as_str().expect("a URI"))).await.body;
    assert_eq!(bodies(&first), ["new", "6", "5"]);
}

#[tokio::test]
async fn a_page_can_be_asked_for_by_number() {
    let stage = filled(5).await;
    let page = stage.get(&stage.api("/Messages.json?PageSize=2&Page=1")).await.body;
    assert_eq!(bodies(&page), ["2", "1"]);
    let whole = stage.get(&stage.api("/Messages.json?PageSize=5000")).await.body;
    assert_eq!((&whole["page_size"], &whole["next_page_uri"]), (&json!(1000), &Value::Null));
    for wrong in
        ["PageSize=0", "PageSize=x", "Page=-1", "PageToken=x", "PageToken=PAzz", "DateSent=yesterday"]
    {
        let answer = stage.get(&stage.api(&format!("/Messages.json?{wrong}"))).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!(20001)), "{wrong}");
    }
}

#[tokio::test]
async fn filters_are_kept_from_page_to_page() {
    let stage = filled(2).await;
    let other = "+12065550151";
    for body in ["a", "b", "c"] {
        stage.create(&[("To", other), ("From", OURS), ("Body", body)]).await;
    }
    stage.create(&[("To", other), ("From", OTHER), ("Body", "d")]).await;
    let page =
        stage.get(&stage.api("/Messages.json?To=%2B12065550151&From=%2B12065550190&PageSize=2")).await.body;
    assert_eq!(bodies(&page), ["c", "b"]);
    let next = stage.get(&stage.url(page["next_page_uri"].as_str().expect("a URI"))).await.body;
    assert_eq!((bodies(&next), &next["next_page_uri"]), (vec!["a".to_owned()], &Value::Null));
    let nobody = stage.get(&stage.api("/Messages.json?To=%2B12065550177")).await.body;
    assert_eq!((&nobody["messages"], &nobody["end"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_sender_chosen_later_is_found_by_its_number() {
    let stage = Stage::new().await;
    stage.create(&[("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "pooled")]).await;
    stage.create(&[("To", PHONE), ("From", OTHER), ("Body", "direct")]).await;
    stage.idle().await;
    let page = stage.get(&stage.api("/Messages.json?From=%2B12065550191")).await.body;
    assert_eq!(bodies(&page), ["direct", "pooled"]);
}

#[tokio::test]
async fn dates_filter_what_was_sent() {
    let stage = filled(1).await;
    stage.send("+12065550107", "never sent").await;
    stage.idle().await;
    let now = crate::sandbox::clock::now();
    let day = |offset| (now + chrono::TimeDelta::days(offset)).format("%Y-%m-%d").to_string();
    let cases = [
        (format!("DateSent={}", day(0)), 1),
        (format!("DateSent={}", day(-1)), 0),
        (format!("DateSent={}T00:00:00Z", day(0)), 1),
        (format!("DateSent={}T00:00:00Z", day(-1)), 0),
        (format!("DateSent%3E={}", day(0)), 1),
        (format!("DateSent>={}", day(1)), 0),
        (format!("DateSent<={}", day(0)), 1),
        (format!("DateSent%3C={}", day(-1)), 0),
        (format!("DateSent%3E={}&DateSent%3C={}", day(-1), day(1)), 1),
        (format!("DateSent%3E={}T00:00:00Z", day(-1)), 1),
        (format!("DateSent%3C={}T00:00:00Z", day(-1)), 0),
    ];
    for (query, count) in cases {
        let page = stage.get(&stage.api(&format!("/Messages.json?{query}"))).await.body;
        assert_eq!(bodies(&page).len(), count, "{query}");
    }
}

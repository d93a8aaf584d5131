//! Paging: every row once in either direction, and no cursor but those of the list.

use serde_json::{Value, json};

use super::{Office, data, nothing, refusal};

const PAGE: &str =
    "query($first: Int, $last: Int, $after: String, $before: String, $direction: OrderDirection!) {
    messages(first: $first, last: $last, after: $after, before: $before,
             orderBy: { field: CREATED_AT, direction: $direction }) {
        nodes { id } edges { cursor node { id } } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn busy() -> (Office, Vec<String>) {
    let office = Office::open().await;
    let mut ids = Vec::new();
    for n in 0..23 {
        ids.push(office.sent(&format!("+120655501{n:02}")).await.id.to_string());
    }
    (office, ids)
}

fn ids(page: &Value) -> Vec<String> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn both_directions_give_every_row_once() {
    let (office, oldest_first) = busy().await;
    let newest_first: Vec<String> = oldest_first.iter().rev().cloned().collect();
    for (direction, expected) in [("ASC", &oldest_first), ("DESC", &newest_first)] {
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "first": 10, "after": after, "direction": direction });
            let page = data(&office.ctx, PAGE, variables).await["messages"].take();
            assert_eq!(page["totalCount"], 23);
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !seen.is_empty());
            seen.extend(ids(&page));
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(&seen, expected);

        let (mut seen, mut before) = (Vec::new(), Value::Null);
        loop {
            let variables = json!({ "last": 10, "before": before, "direction": direction });
            let page = data(&office.ctx, PAGE, variables).await["messages"].take();
            seen.splice(0..0, ids(&page));
            before = page["pageInfo"]["startCursor"].clone();
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(&seen, expected);
    }
}

#[tokio::test]
async fn cursors_of_elsewhere_are_refused() {
    let (office, _) = busy().await;
    let one = json!({ "first": 1, "direction": "DESC" });
    let cursor = data(&office.ctx, PAGE, one).await["messages"]["edges"][0]["cursor"].take();
    let of_conversations = "{ conversations(first: 1) { edges { cursor } } }";
    let foreign_list =
        data(&office.ctx, of_conversations, nothing()).await["conversations"]["edges"][0]["cursor"].take();
    let mut forged = cursor.as_str().unwrap().to_owned();
    let last = if forged.pop() == Some('A') { 'E' } else { 'A' };
    forged.push(last);
    for (cursor, direction) in [
        (foreign_list, "DESC"),
        (forged.into(), "DESC"),
        ("x".into(), "DESC"),
        ("".into(), "DESC"),
        (cursor.clone(), "ASC"),
    ] {
        let variables = json!({ "first": 1, "after": cursor, "direction": direction });
        assert_eq!(refusal(&office.ctx, PAGE, variables).await, "INVALID_CURSOR");
    }
    let other = office.stage.ctx(office.stage.organization("Other").await);
    let variables = json!({ "first": 1, "after": cursor, "direction": "DESC" });
    assert_eq!(refusal(&other, PAGE, variables).await, "INVALID_CURSOR");
}

#[tokio::test]
async fn sizes_and_combinations_are_checked() {
    let office = Office::open().await;
    for wrong in [
        json!({ "first": 0 }),
        json!({ "first": 101 }),
        json!({ "last": -1 }),
        json!({ "first": 1, "last": 1 }),
        json!({ "first": 1, "before": "x" }),
        json!({ "last": 1, "after": "x" }),
        json!({ "after": "x", "before": "x" }),
    ] {
        let mut variables = wrong.clone();
        variables["direction"] = "DESC".into();
        assert_eq!(refusal(&office.ctx, PAGE, variables).await, "BAD_USER_INPUT", "{wrong}");
    }
}

#[tokio::test]
async fn a_conversation_pages_its_own_messages() {
    let office = Office::open().await;
    for _ in 0..3 {
        office.sent("+12065550101").await;
    }
    office.sent("+12065550102").await;
    let document = "{ conversations(filter: { contactNumber: \"(206) 555-0101\" }) { nodes {
        contactNumber unreadCount lastDirection messages(last: 2) { nodes { to } totalCount } lastMessage { to } } } }";
    let found = data(&office.ctx, document, nothing()).await;
    let conversations = found["conversations"]["nodes"].as_array().unwrap();
    assert_eq!(conversations.len(), 1);
    assert_eq!(conversations[0]["messages"]["totalCount"], 3);
    let to = json!({ "to": "+12065550101" });
    assert_eq!(conversations[0]["messages"]["nodes"], json!([to, to]));
    assert_eq!(conversations[0]["lastMessage"], to);
}

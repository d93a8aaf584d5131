use async_graphql::{Executor, Request, Variables};
use axum::body::Body;
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG};
use http_body_util::BodyExt;
use secrecy::SecretString;
use tower::ServiceExt;

use crate::api::guard::coercion::InputTypes;
use crate::api::{explorer, schema};

async fn get(path: &str, headers: &[(&str, &str)]) -> http::Response<Body> {
    let mut request = http::Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let token = SecretString::from("phk_<demo>");
    explorer::routes(Some(token)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: http::Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// An error with a path was met while executing: the document fits the schema.
#[tokio::test]
async fn the_examples_fit_the_schema() {
    let variables = include_str!("../explorer/page/examples/send.variables.json");
    for document in [
        include_str!("../explorer/page/examples/watch.graphql"),
        include_str!("../explorer/page/examples/send.graphql"),
        include_str!("../explorer/page/examples/messages.graphql"),
        include_str!("../explorer/page/examples/status.graphql"),
        include_str!("../explorer/page/examples/received.graphql"),
    ] {
        let variables = Variables::from_json(serde_json::from_str(variables).unwrap());
        let request = Request::new(document).variables(variables);
        let answer = Executor::execute_stream(&schema::build(), request, None).next().await.unwrap();
        assert!(answer.errors.iter().all(|error| !error.path.is_empty()), "{:?}\n{document}", answer.errors);
    }
}

#[test]
fn the_schemas_own_sdl_tells_the_types_of_variables() {
    assert!(InputTypes::from_sdl(&schema::sdl()).is_some());
}

#[tokio::test]
async fn the_demo_token_is_shown_on_this_machine_only() {
    let own = text(get("/", &[("host", "localhost:8080")]).await).await;
    assert!(own.contains(r#"{"token":"phk_\u003cdemo>"}"#), "{own}");
    let rebound = text(get("/", &[("host", "evil.example")]).await).await;
    assert!(rebound.contains(r#"{"token":null}"#), "{rebound}");
}

#[tokio::test]
async fn the_page_is_whole_without_internet() {
    let page = get("/", &[]).await;
    let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!text(page).await.contains("//"), "everything is addressed relative to the page");
    for path in ["/explorer.js", "/explorer.css"] {
        let compressed = get(path, &[("accept-encoding", "br, gzip;q=0.8")]).await;
        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
        let etag = compressed.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(get(path, &[("if-none-match", &etag)]).await.status().as_u16(), 304);
        let plain = get(path, &[]).await;
        assert!(plain.headers().get(CONTENT_ENCODING).is_none());
        assert!(text(plain).await.len() > 10_000);
    }
}

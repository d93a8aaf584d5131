//! The door: what strangers reach first. Transport, limits and the merged roots live here; no rule of a feature.

pub mod audit;
pub mod audited;
pub mod client;
pub mod connections;
pub mod door;
pub mod errors;
pub mod explorer;
pub mod guard;
pub mod http;
pub mod limits;
mod live;
pub mod media;
pub mod node;
pub mod operations;
pub mod principals;
pub mod quota;
pub mod request;
pub mod schema;
pub mod shared;
pub mod sse;
pub mod strangers;
pub mod webhooks;
pub mod websocket;

#[cfg(test)]
mod tests;

use async_graphql::Executor;
use axum::Router;
use axum::routing::any;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderName, Method};

use door::Door;

/// `/graphql` and `/graphql/stream`. Wrap the whole router in [`http::observe`].
pub fn routes<E: Executor>(door: Door<E>) -> Router {
    let cors = cors(&door.hub().config.door.cors_origins);
    Router::new()
        .route("/graphql", any(http::graphql::<E>))
        .route("/graphql/stream", any(sse::stream::<E>))
        .layer(cors)
        .with_state(door)
}

/// Tokens travel in a header, never in a cookie, so a listed origin can only do what its own token allows.
fn cors(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            client::REQUEST_ID,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([client::REQUEST_ID, RETRY_AFTER]);
    if origins.iter().any(|origin| origin == "*") {
        return layer.allow_origin(Any);
    }
    layer.allow_origin(AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())))
}

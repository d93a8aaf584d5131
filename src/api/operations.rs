//! `/healthz`, `/readyz` and `/metrics`: what orchestrators and Prometheus ask. Anonymous; they tell states, not data.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Json, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    client::{self, Bearer},
    connections::Peer,
};
use crate::{
    base::{ctx::Hub, telemetry::Metrics, vitals::Vitals},
    features::health::{self, State as Part},
};

/// Prometheus's text format (exposition format 0.0.4).
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The operators' routes.
pub fn routes(hub: Arc<Hub>, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive" }))
        .route("/readyz", get(ready))
        .with_state(hub.clone())
        .merge(Router::new().route("/metrics", get(measured)).with_state((hub, metrics)))
}

/// 200 while requests can be served: Redis down or a failing carrier degrade, a missing database does not serve.
async fn ready(State(hub): State<Arc<Hub>>) -> Response {
    let health = health::check(&hub).await;
    let status = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |part: Part| format!("{part:?}").to_uppercase();
    let body = json!({
        "status": if health.is_ready() && health.is_degraded() { "DEGRADED" } else if health.is_ready() { "READY" } else { "NOT_READY" },
        "database": word(health.database),
        "migrations": word(health.migrations),
        "redis": word(health.redis),
        "carrier": word(health.carrier),
    });
    (status, Json(body)).into_response()
}

/// Guarded by the configured token; without one only this machine is answered.
async fn measured(
    State((hub, metrics)): State<(Arc<Hub>, Metrics)>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Response {
    if !may_measure(&hub, peer, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match Vitals::take(&hub).await {
        Ok(vitals) => vitals.record(),
        Err(error) => tracing::warn!(%error, "gauges of the database were not taken"),
    }
    ([(header::CONTENT_TYPE, TEXT)], metrics.render()).into_response()
}

fn may_measure(hub: &Hub, peer: Peer, headers: &HeaderMap) -> bool {
    match (&hub.config.door.metrics_token, client::bearer(headers)) {
        (None, _) => peer.ip().is_loopback() && hub.config.listens_on_loopback(),
        (Some(token), Bearer::Token(given)) => {
            verify_slices_are_equal(token.expose_secret().as_bytes(), given.as_bytes()).is_ok()
        }
        (Some(_), _) => false,
    }
}

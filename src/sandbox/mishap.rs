//! Carries out the scripted faults that befall a request: refusals, hangs, resets, garbage. Which one strikes
//! is decided in `faults`.

use std::{future::Future, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::sleep;

use super::{
    connection::Peer,
    errors::Refusal,
    faults::{Fault, Stage},
};

/// Does `work`, which takes the request and answers it, under the fault that struck.
pub(super) async fn under<F>(fault: Option<Fault>, peer: &Peer, work: F) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    let Some(fault) = fault else { return work.await };
    match fault {
        Fault::Refuse { code, status, message } => {
            let message = message.unwrap_or_else(|| "Refused by a scripted fault".to_owned());
            Refusal::new(status_or(status, StatusCode::BAD_REQUEST), code, message).into_response()
        }
        Fault::RateLimit { retry_after } => Refusal::too_many(retry_after).into_response(),
        Fault::ServerError { when, status } => {
            take_if_after(when, work).await;
            Refusal::server(status_or(status, StatusCode::INTERNAL_SERVER_ERROR)).into_response()
        }
        Fault::Reset { when } => {
            take_if_after(when, work).await;
            peer.cut();
            StatusCode::OK.into_response()
        }
        Fault::Hang { when, ms } => hang(when, Duration::from_millis(ms), work).await,
        Fault::Garbage {} => garbage(work.await.status()),
        // The others befall messages, not requests.
        _ => work.await,
    }
}

fn status_or(status: u16, otherwise: StatusCode) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(otherwise)
}

async fn take_if_after(when: Stage, work: impl Future<Output = Response>) {
    if when != Stage::Before {
        work.await;
    }
}

async fn hang<F>(when: Stage, time: Duration, work: F) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    match when {
        Stage::Before => {
            sleep(time).await;
            Refusal::server(StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
        Stage::After => {
            let answer = work.await;
            sleep(time).await;
            answer
        }
        Stage::Late => {
            // A task of its own: it goes on when the client closes the connection.
            let late = tokio::spawn(async move {
                sleep(time).await;
                work.await
            });
            late.await.unwrap_or_else(|_| Refusal::server(StatusCode::INTERNAL_SERVER_ERROR).into_response())
        }
    }
}

fn garbage(status: StatusCode) -> Response {
    let body = Body::from("<html><body>upstream\u{0} said {\"sid\": \"SM");
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

//! When the operating system asks this process to stop. What stopping means is the caller's affair.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT. Never, should the system not let us listen: then it kills without asking.
pub async fn requested() {
    let listen = || Some((signal(SignalKind::terminate()).ok()?, signal(SignalKind::interrupt()).ok()?));
    let Some((mut terminate, mut interrupt)) = listen() else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

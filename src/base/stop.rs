//! When the operating system asks this process to stop. What stopping means is the caller's affair.

use tokio::signal::unix::{SignalKind, signal};

/// Listens from this call on, and resolves at the first SIGTERM or SIGINT. Never, should the system not let us listen:
/// then it kills without asking. To be called before anybody is told that the process is ready.
pub fn requested() -> impl Future<Output = ()> {
    let listen = || Some((signal(SignalKind::terminate()).ok()?, signal(SignalKind::interrupt()).ok()?));
    let heard = listen();
    async move {
        let Some((mut terminate, mut interrupt)) = heard else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

//! Where a panic happened, for whoever catches it: the hook is told the place, the one who catches is not. No texts and
//! no values, because they may hold what a message says.

use std::{
    cell::RefCell,
    panic::{self, Location},
    sync::Once,
};

thread_local! {
    /// The place of this thread's last panic that nobody has asked for.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on [`place`] knows; the hook that was there before goes on being called. Once a process.
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            LAST.set(panic.location().map(shown));
            before(panic);
        }));
    });
}

/// File and line of the panic that this thread has just caught; `None` when nobody watched.
pub fn place() -> Option<String> {
    LAST.take()
}

/// Below `src`, or below the crate's own folder: where a library was built is nobody's business.
fn shown(location: &Location<'_>) -> String {
    let parts: Vec<&str> = location.file().split('/').collect();
    let src = parts.iter().rposition(|part| *part == "src").unwrap_or(parts.len() - 1);
    let from = if location.file().starts_with('/') { src.saturating_sub(1) } else { 0 };
    format!("{}:{}", parts[from..].join("/"), location.line())
}

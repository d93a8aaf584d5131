//! From the start of the process to its first answer, its memory when idle, and the size of its one file.

use std::{path::Path, time::Duration};

use crate::{
    Outcome,
    carrier::Carrier,
    report::{Goal, Report},
    server::{self, Server},
    world::Store,
};

/// Starts over a migrated database; the median counts.
const STARTS: usize = 5;

/// Measures both starts on one database, then the server that the last one left.
pub async fn measure(report: &mut Report) -> Outcome<()> {
    let store = Store::new().await?;
    let (_, carrier) = Carrier::start().await?;
    let address = server::free_address()?;
    let settings = store.settings(address, carrier);
    let first = Server::start(address, &settings).await?.first_answer;
    let mut later = Vec::with_capacity(STARTS);
    let mut server = None;
    for _ in 0..STARTS {
        drop(server.take());
        let started = Server::start(address, &settings).await?;
        later.push(started.first_answer);
        server = Some(started);
    }
    later.sort_unstable();
    let empty = if crate::world::postgres().is_none() { Goal::AtMost(400.0) } else { Goal::None };
    report.add("start → first answer, empty database", millis(first), "ms", empty);
    report.add("start → first answer, migrated", millis(later[STARTS / 2]), "ms", Goal::AtMost(100.0));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let server = server.ok_or("no server")?;
    report.add("memory of the idle server", server.resident_kib()? / 1024.0, "MiB", Goal::AtMost(20.0));
    let size = server::mebibytes(Path::new(server::BINARY))?;
    report.add("binary", size, "MiB", Goal::AtMost(30.0));
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

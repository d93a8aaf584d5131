//! The release server as a child process, and what the operating system says of it.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Outcome, http::Client, stopwatch::float};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_phonehub");

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(1);

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start to its first answer.
    pub first_answer: Duration,
}

impl Server {
    /// Starts it with these settings and nothing else, and waits for its first answer to a query.
    pub async fn start(address: SocketAddr, settings: &[(String, String)]) -> Outcome<Self> {
        let begun = Instant::now();
        let child = Command::new(BINARY)
            .env_clear()
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self { child, address, first_answer: Duration::ZERO };
        while !answers(address).await {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended with {status}").into());
            }
            if begun.elapsed() > PATIENCE {
                return Err("the server did not answer in time".into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        server.first_answer = begun.elapsed();
        Ok(server)
    }

    /// Processor time that it has used, in milliseconds: the figure that others on the machine disturb least.
    pub fn cpu_ms(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit_once(") ").ok_or("no stat")?.1;
        // proc(5): utime and stime, fields 14 and 15, in hundredths of a second.
        let ticks =
            after_name.split(' ').skip(11).take(2).map(str::parse::<usize>).sum::<Result<usize, _>>()?;
        Ok(float(ticks) * 10.0)
    }

    /// Its resident memory, in KiB.
    pub fn resident_kib(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: usize = line.trim().trim_end_matches(" kB").parse()?;
        Ok(float(kib))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answers(address: SocketAddr) -> bool {
    let Ok(mut client) = Client::connect(address).await else { return false };
    let post = crate::http::Post {
        path: "/graphql",
        content_type: "application/json",
        header: "accept: application/json",
        body: r#"{"query":"{ __typename }"}"#,
    };
    client.post(&post).await.is_ok_and(|(status, _)| status == 200)
}

/// A free port below the ones that the system gives to clients, which thousands of sockets would take from the server.
pub fn free_address() -> Outcome<SocketAddr> {
    let first = u16::try_from(std::process::id() % 5_000)? + 20_000;
    (first..32_000)
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| "no free port".into())
}

/// Size of a file, in MiB.
pub fn mebibytes(path: &Path) -> Outcome<f64> {
    let bytes = usize::try_from(std::fs::metadata(path)?.len())?;
    Ok(float(bytes) / 1_048_576.0)
}

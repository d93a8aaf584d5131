//! The real binary as a child process, with what an operating system does to one: SIGKILL, SIGSTOP, SIGCONT, SIGTERM.

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Log lines of a server that are shown when its test fails.
const SHOWN: usize = 15;

/// A server process and how to start it again. Killed when dropped.
pub struct Process {
    pub address: SocketAddr,
    settings: Vec<(String, String)>,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts it without waiting; its log goes to a file in `folder`.
    pub fn spawn(settings: &[(String, String)], address: SocketAddr, folder: &Path) -> Self {
        let log = folder.join(format!("server-{}.log", address.port()));
        let mut settings = settings.to_vec();
        settings.push(("PHONEHUB_LISTEN".to_owned(), address.to_string()));
        settings.push(("PHONEHUB_LOG".to_owned(), "warn".to_owned()));
        let child = run(&settings, &log);
        Self { address, settings, log, child }
    }

    /// Starts it again after its end, with the same settings at the same address.
    pub fn spawn_again(&mut self) {
        self.child = run(&self.settings, &self.log);
    }

    /// Waits until it takes requests, or says why it ended.
    pub async fn ready(&mut self) {
        let url = format!("http://{}/readyz", self.address);
        let http = super::app::client();
        let started = Instant::now();
        while started.elapsed() < super::app::PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("a server ended at its start: {status}");
            }
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("a server did not become ready");
    }

    /// SIGKILL; nothing of it runs when this returns.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: no instruction runs until [`Process::thaw`].
    pub fn freeze(&self) {
        signal("STOP", self.child.id());
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        signal("CONT", self.child.id());
    }

    /// From now on no file of this server grows or is overwritten, its log included: every write fails, as on a full disk.
    /// A limit of the process, so that no rights are needed.
    pub fn fill_disk(&self) {
        self.limit_files("0:");
    }

    /// There is room again.
    pub fn make_room(&self) {
        self.limit_files("unlimited:");
    }

    fn limit_files(&self, bytes: &str) {
        let process = format!("--pid={}", self.child.id());
        let set = Command::new("prlimit").args([process, format!("--fsize={bytes}")]).status().unwrap();
        assert!(set.success(), "prlimit: {set}");
    }

    /// SIGTERM: the polite request to stop.
    pub fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Waits for its end.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let ended = eventually_ended(&mut self.child, patience).await;
        ended.unwrap_or_else(|| panic!("the server still runs after {patience:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("the end of the log of {}:", self.address);
            lines[lines.len().saturating_sub(SHOWN)..].iter().for_each(|line| eprintln!("  {line}"));
        }
    }
}

fn run(settings: &[(String, String)], log: &Path) -> Child {
    let file: File = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let kept = ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"];
    // The shell becomes the server; what it ignores stays ignored: a write past a limit is an error, not the end.
    Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ && exec \"$0\"", env!("CARGO_BIN_EXE_phonehub")])
        .env_clear()
        .envs(kept.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap()
}

/// Sends a signal by name to a process of this test.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{name} {process}");
}

async fn eventually_ended(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

/// A loopback address below the range that the system gives to outgoing connections, so that nobody takes it while
/// its server is down.
pub fn own_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..20_000)));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

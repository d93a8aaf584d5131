//! A PostgreSQL and a Redis of the test's own, which it may stop, freeze and start again; `scripts/services` runs them.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use uuid::Uuid;

use super::process::signal;

/// Both servers; stopped and removed when dropped.
pub struct Services {
    folder: PathBuf,
    /// Where PostgreSQL is.
    pub database_url: String,
    /// Where Redis is.
    pub redis_url: String,
}

impl Services {
    /// Starts both in a folder of their own.
    pub fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("phonehub-own-{}", Uuid::now_v7().simple()));
        let printed = script("start", &folder);
        let url = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.unwrap_or_else(|| panic!("{name} was not printed")).to_owned()
        };
        let (database_url, redis_url) = (url("PHONEHUB_TEST_DATABASE_URL"), url("PHONEHUB_TEST_REDIS_URL"));
        Self { folder, database_url, redis_url }
    }

    /// Ends PostgreSQL in the middle of everything, as a crash would, and starts it again; answers when it is up.
    pub fn restart_postgres(&self) {
        script("restart-postgres", &self.folder);
    }

    /// Ends Redis.
    pub fn stop_redis(&self) {
        script("stop-redis", &self.folder);
    }

    /// Starts Redis again at the same port, empty.
    pub fn start_redis(&self) {
        script("start-redis", &self.folder);
    }

    /// Redis takes connections and answers nothing until [`Services::thaw_redis`].
    pub fn freeze_redis(&self) {
        signal("STOP", self.redis());
    }

    /// Redis goes on.
    pub fn thaw_redis(&self) {
        signal("CONT", self.redis());
    }

    /// PostgreSQL takes connections and answers nothing until [`Services::thaw_postgres`].
    pub fn freeze_postgres(&self) {
        let processes = self.postgres();
        assert!(processes.len() > 1, "a server and its processes");
        for process in processes {
            signal("STOP", process);
        }
    }

    /// PostgreSQL goes on.
    pub fn thaw_postgres(&self) {
        for process in self.postgres() {
            signal("CONT", process);
        }
    }

    /// The server first, so that no process of it comes up meanwhile.
    fn postgres(&self) -> Vec<u32> {
        let file = std::fs::read_to_string(self.folder.join("postgres/postmaster.pid")).unwrap();
        let server: u32 = file.lines().next().unwrap().trim().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
        std::iter::once(server).chain(children.split_whitespace().map(|pid| pid.parse().unwrap())).collect()
    }

    fn redis(&self) -> u32 {
        std::fs::read_to_string(self.folder.join("redis.pid")).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // A frozen process does not see the request to stop.
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("redis.pid")) {
            let _ = Command::new("kill").args(["-CONT", pid.trim()]).status();
        }
        if self.folder.join("postgres/postmaster.pid").exists() {
            for process in self.postgres() {
                // One of them may have ended since.
                let _ =
                    Command::new("kill").args(["-CONT", &process.to_string()]).stderr(Stdio::null()).status();
            }
        }
        script("stop", &self.folder);
    }
}

fn script(verb: &str, folder: &std::path::Path) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/services");
    let output = Command::new(path).arg(verb).arg(folder).output().unwrap();
    assert!(output.status.success(), "services {verb}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

//! For unit tests: a hub over a SQLite file of its own. Flows over HTTP are tested from `tests/`.

use std::{path::PathBuf, sync::Arc};

use super::{clock::Clock, ctx::Hub};
use crate::config::Config;

/// A hub on an empty, migrated database in a folder that vanishes with the guard.
pub async fn hub() -> (Arc<Hub>, Folder) {
    hub_with(&[]).await
}

/// The same with settings beside the usual ones.
pub async fn hub_with(settings: &[(&str, &str)]) -> (Arc<Hub>, Folder) {
    let folder = Folder::new();
    let data_dir = folder.0.display().to_string();
    let mut pairs = vec![("PHONEHUB_DATA_DIR", data_dir.as_str()), ("PHONEHUB_SIGN_UP", "open")];
    pairs.extend(settings);
    let config = Config::from_pairs(&pairs).expect("these settings are right");
    (Hub::open(config, Clock::default()).await.expect("an empty folder takes a database"), folder)
}

/// A folder that is removed when dropped.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("phonehub-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

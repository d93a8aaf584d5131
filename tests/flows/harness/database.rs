//! A database for one test: a SQLite file in a folder of its own, or a fresh PostgreSQL database.

use std::path::PathBuf;

use sea_orm::{ConnectionTrait, Database};
use url::Url;
use uuid::Uuid;

/// Where the test's data lives; removed when dropped.
pub struct TestDatabase {
    pub folder: PathBuf,
    pub url: String,
    server: Option<(String, String)>,
}

impl TestDatabase {
    /// As the environment says.
    pub async fn new() -> Self {
        Self::on(std::env::var("PHONEHUB_TEST_DATABASE_URL").ok()).await
    }

    /// On this PostgreSQL server, or in a file.
    pub async fn on(server: Option<String>) -> Self {
        let name = format!("phonehub_test_{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let Some(server) = server else {
            let url = format!("sqlite:{}", folder.join("test.sqlite").display());
            return Self { folder, url, server: None };
        };
        let admin = Database::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        let mut url = Url::parse(&server).unwrap();
        url.set_path(&name);
        Self { folder, url: url.into(), server: Some((server, name)) }
    }

    /// The test runs against PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.server.is_some()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        let Some((server, name)) = self.server.take() else { return };
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = Database::connect(&server).await.unwrap();
                admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
        });
        let _ = dropped.join();
    }
}

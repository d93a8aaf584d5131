//! Where data is kept, as told by URLs: which backend runs follows from them and from nothing else.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use super::Pool;
use super::parse;
use super::reader::Reader;
use super::settings;

/// The file of the demo's database in the data folder.
const DEMO_FILE: &str = "phonehub.sqlite";

/// The database, by the scheme of `DATABASE_URL`.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file in WAL mode, made when missing.
    Sqlite(PathBuf),
    /// A server; the URL holds the password, and TLS options such as `sslmode=verify-full`.
    Postgres(SecretString),
}

/// What SQLite waits for at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqliteSynchronous {
    /// Until the log is on the disk: a commit survives a power cut.
    Full,
    /// Until the operating system has it: a commit survives a crash of the process.
    Normal,
}

/// What the URLs say.
pub(super) struct Stores {
    pub(super) demo: bool,
    pub(super) database: Database,
    pub(super) redis: Option<SecretString>,
}

pub(super) fn read(reader: &mut Reader, data_dir: &Path) -> Stores {
    let demo = !reader.is_set(&settings::DATABASE_URL);
    let database = reader
        .optional(&settings::DATABASE_URL, database)
        .unwrap_or_else(|| Database::Sqlite(data_dir.join(DEMO_FILE)));
    Stores { demo, database, redis: redis(reader) }
}

pub(super) fn pool(reader: &mut Reader) -> Pool {
    Pool {
        connections: reader.value(&settings::DATABASE_CONNECTIONS, parse::count(3, 1_000)),
        acquire_timeout: reader.value(&settings::DATABASE_TIMEOUT, parse::duration("100ms", "60s")),
        sqlite_synchronous: reader.value(&settings::SQLITE_SYNCHRONOUS, parse::synchronous),
    }
}

fn database(raw: &str) -> Result<Database, String> {
    if raw.starts_with("postgres://") || raw.starts_with("postgresql://") {
        let url = Url::parse(raw).map_err(|_| "is not a URL".to_owned())?;
        return match url.path().trim_start_matches('/') {
            "" => Err("names no database after the host".into()),
            _ => Ok(Database::Postgres(raw.into())),
        };
    }
    let Some(rest) = raw.strip_prefix("sqlite:") else {
        return Err("begins with neither postgres:// nor sqlite:".into());
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match path {
        "" => Err("names no file after sqlite:".into()),
        ":memory:" => Err("is a database in memory, which would lose every message at the end".into()),
        path => Ok(Database::Sqlite(PathBuf::from(path))),
    }
}

fn redis(reader: &mut Reader) -> Option<SecretString> {
    let url = reader.optional(&settings::REDIS_URL, redis_url);
    let host = reader.optional(&settings::REDIS_HOST, parse::text);
    let port: u16 = reader.value(&settings::REDIS_PORT, parse::count(1, 65_535));
    let password = reader.optional(&settings::REDIS_PASSWORD, parse::text);
    url.or_else(|| {
        let host = host?;
        let made = redis_from_parts(&host, port, password.as_deref());
        if made.is_none() {
            reader.problem(settings::REDIS_HOST.name, format!("{host:?} is not a host name or address."));
        }
        made
    })
}

fn redis_url(raw: &str) -> Result<SecretString, String> {
    let url = Url::parse(raw).map_err(|_| "is not a URL".to_owned())?;
    match url.scheme() {
        "redis" | "rediss" if url.host().is_some() => Ok(raw.into()),
        _ => Err("is not a redis:// or rediss:// URL".into()),
    }
}

fn redis_from_parts(host: &str, port: u16, password: Option<&str>) -> Option<SecretString> {
    let mut url = Url::parse("redis://localhost").ok()?;
    url.set_host(Some(host)).ok()?;
    url.set_port(Some(port)).ok()?;
    url.set_password(password).ok()?;
    Some(String::from(url).into())
}

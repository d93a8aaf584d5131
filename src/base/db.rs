//! Connections: a pool for each purpose; for SQLite they only read, and one writer stands beside them. Migrations run here,
//! under a lock.

use std::{
    collections::HashSet, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration,
};

use chrono::{DateTime, Utc};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;
use sqlx::{
    Connection, Executor, Postgres, Sqlite,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{
    purpose::{Purpose, Shares},
    telemetry::names,
};
use crate::config::{Database, Pool, SqliteSynchronous};

/// Target of the trace that shows every statement's text, without its values.
pub const STATEMENTS: &str = "phonehub::statements";

/// More readers than this gain nothing on one file.
const SQLITE_READERS: u32 = 8;

/// A connection that was used this lately is handed out untested: testing costs a round trip, and nearly all are.
const UNTESTED: Duration = Duration::from_secs(1);

/// Key of the advisory lock that one migrating process holds on PostgreSQL: "PHUB".
const MIGRATION_LOCK: i64 = 0x5048_5542;

/// A process that stands still in the middle of a transaction keeps its locks for 3 s, then PostgreSQL ends it (25P03);
/// of those that wait in the same process for the same lock only one more can get it, the others give up (55P03).
const LET_GO: &str = "SET idle_in_transaction_session_timeout = '3s'; SET lock_timeout = '4s'";

/// Connections of this process by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// In use.
    pub busy: u32,
    /// Open and free.
    pub idle: u32,
}

/// Open connections of this process. Reads go to [`Db::read`]; writes only through `Tx`.
#[derive(Clone, Debug)]
pub struct Db {
    requests: DatabaseConnection,
    work: DatabaseConnection,
    watch: DatabaseConnection,
    /// SQLite's only one; on PostgreSQL every connection writes.
    writer: Option<DatabaseConnection>,
}

impl Db {
    /// Connects to the configured database; its size follows from the pool's settings.
    pub async fn connect(database: &Database, pool: &Pool) -> Result<Self, DbErr> {
        let (url, sqlite) = match database {
            Database::Sqlite(path) => {
                make_private(path).map_err(|error| DbErr::Conn(RuntimeErr::Internal(error.to_string())))?;
                (format!("sqlite:{}", path.display()), true)
            }
            Database::Postgres(url) => (url.expose_secret().to_owned(), false),
        };
        let mut options = ConnectOptions::new(url);
        let synchronous = pool.sqlite_synchronous;
        options
            .min_connections(1)
            .acquire_timeout(pool.acquire_timeout)
            .test_before_acquire_if_idle_for(UNTESTED)
            .sqlx_logging(false)
            .map_sqlx_postgres_pool_opts(postgres_pool)
            .map_sqlx_sqlite_opts(move |options| sqlite_options(options, synchronous));
        let writer = if sqlite {
            let mut writer = options.clone();
            writer.max_connections(1).map_sqlx_sqlite_pool_opts(sqlite_writer);
            Some(open(writer).await?)
        } else {
            None
        };
        let shares = Shares::of(if sqlite { pool.connections.min(SQLITE_READERS) } else { pool.connections });
        let requests = open(options.clone().max_connections(shares.requests).to_owned()).await?;
        // Opened when they are needed: the command line does no work and watches nobody.
        options.min_connections(0).connect_lazy(true);
        Ok(Self {
            requests,
            work: open(options.clone().max_connections(shares.work).to_owned()).await?,
            watch: open(options.max_connections(shares.watch).to_owned()).await?,
            writer,
        })
    }

    /// For reading outside a transaction, with the connections of the running task: sees only what was committed.
    pub fn read(&self) -> &DatabaseConnection {
        match Purpose::current() {
            Purpose::Requests => &self.requests,
            Purpose::Work => &self.work,
            Purpose::Watch => &self.watch,
        }
    }

    /// For `Tx` alone.
    pub(super) fn write(&self) -> &DatabaseConnection {
        self.writer.as_ref().unwrap_or_else(|| self.read())
    }

    /// Which database this is.
    pub fn backend(&self) -> DatabaseBackend {
        self.requests.get_database_backend()
    }

    /// Whether one writer at a time is the rule, and writers should share commits.
    pub fn is_sqlite(&self) -> bool {
        self.backend() == DatabaseBackend::Sqlite
    }

    /// A statement in this database's dialect; write parameters as `$1`, which both understand.
    pub fn sql(&self, sql: impl Into<String>, values: impl IntoIterator<Item = sea_orm::Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql.into(), values)
    }

    /// Milliseconds since 1970 by the database's own clock, as an SQL expression: leases live by it.
    pub fn clock_sql(&self) -> &'static str {
        if self.is_sqlite() {
            "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)"
        } else {
            "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
        }
    }

    /// The database's own clock.
    pub async fn clock(&self) -> Result<DateTime<Utc>, DbErr> {
        let asked = self.sql(format!("SELECT {}", self.clock_sql()), []);
        let row = self.read().query_one_raw(asked).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("the time".into()))?;
        DateTime::from_timestamp_millis(row.try_get_by_index(0)?)
            .ok_or_else(|| DbErr::Type("the database's clock is out of range".into()))
    }

    /// Applies what is missing, all of it or nothing. Many processes may call it at once: one works, the others wait.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let alone = self.write().begin_with_options(options).await?;
        if !self.is_sqlite() {
            let lock = format!("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            alone.execute_unprepared(&lock).await?;
        }
        Migrator::up(&alone, None).await?;
        alone.commit().await
    }

    /// Whether every migration of this binary is applied. Only reads, so that a server on a migrated database needs no
    /// right to change the schema.
    pub async fn is_migrated(&self) -> Result<bool, DbErr> {
        let exists = if self.is_sqlite() {
            "SELECT name FROM sqlite_master WHERE name = 'seaql_migrations'"
        } else {
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'seaql_migrations'"
        };
        if self.read().query_one_raw(self.sql(exists, [])).await?.is_none() {
            return Ok(false);
        }
        let applied = self.sql("SELECT version FROM seaql_migrations", []);
        let applied = self.read().query_all_raw(applied).await?;
        let applied = applied.iter().map(|row| row.try_get_by_index(0));
        let applied: HashSet<String> = applied.collect::<Result<_, _>>()?;
        Ok(migration::steps().iter().all(|step| applied.contains(step)))
    }

    /// How many connections of this process work and how many wait for work.
    pub fn connections(&self) -> Connections {
        let count = |size: u32, idle: usize| {
            let idle = u32::try_from(idle).unwrap_or(size).min(size);
            Connections { busy: size - idle, idle }
        };
        let sqlite = self.is_sqlite();
        self.pools().fold(Connections::default(), |sum, connection| {
            let pool = if sqlite {
                let pool = connection.get_sqlite_connection_pool();
                count(pool.size(), pool.num_idle())
            } else {
                let pool = connection.get_postgres_connection_pool();
                count(pool.size(), pool.num_idle())
            };
            Connections { busy: sum.busy + pool.busy, idle: sum.idle + pool.idle }
        })
    }

    fn pools(&self) -> impl Iterator<Item = &DatabaseConnection> {
        [&self.requests, &self.work, &self.watch].into_iter().chain(&self.writer)
    }

    /// Closes the connections; running statements finish first.
    pub async fn close(self) {
        for pool in self.pools() {
            let _ = pool.clone().close().await;
        }
    }
}

/// Makes a missing SQLite file readable by its owner alone; what SQLite puts beside it takes over the mode.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        Ok(_) => Ok(()),
    }
}

/// Connects, and measures every statement from then on.
async fn open(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let mut connection = sea_orm::Database::connect(options).await?;
    connection.set_metric_callback(|statement| {
        metrics::histogram!(names::DATABASE_QUERY_SECONDS).record(statement.elapsed.as_secs_f64());
        // The text holds placeholders, never values.
        tracing::trace!(target: STATEMENTS, sql = statement.statement.sql);
    });
    Ok(connection)
}

fn postgres_pool(options: PoolOptions<Postgres>) -> PoolOptions<Postgres> {
    options.after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(LET_GO).await?;
            Ok(())
        })
    })
}

/// SQLite ends a transaction by itself when the disk is full or fails (<https://sqlite.org/lang_transaction.html>, 3.1);
/// then the driver's rollback fails, and it goes on counting that transaction as open. What came next on such a
/// connection would be nested in nothing and lost after its "commit": the connection is closed instead.
fn sqlite_writer(options: PoolOptions<Sqlite>) -> PoolOptions<Sqlite> {
    options.after_release(|connection, _| {
        Box::pin(async move {
            // A rollback that was begun by a drop is answered before this.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

fn sqlite_options(options: SqliteConnectOptions, synchronous: SqliteSynchronous) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match synchronous {
            SqliteSynchronous::Full => sqlx::sqlite::SqliteSynchronous::Full,
            SqliteSynchronous::Normal => sqlx::sqlite::SqliteSynchronous::Normal,
        })
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .pragma("cache_size", "-4000")
}

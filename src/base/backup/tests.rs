//! A row of every table survives the way through the file, over either database and from one to the other.

use std::collections::BTreeSet;
use std::io::Cursor;

use sea_orm::sea_query::ColumnType;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IdenStatic, Iterable, Value};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::base::db::Db;
use crate::base::{life, switches};
use crate::config::{Config, Database};

/// One row whose every id is the same, so that all references hold; texts that are enums take a word that fits.
pub(super) fn line<E: EntityTrait>() -> String {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let cells: Vec<_> = columns
        .iter()
        .map(|column| {
            let fits = samples(column.def().get_column_type())
                .into_iter()
                .find(|value| model.try_set(*column, value.clone()).is_ok());
            cell::encode(fits.unwrap_or_else(|| panic!("a sample for {}", column.as_str()))).unwrap()
        })
        .collect();
    let names = columns.iter().map(|column| column.as_str().to_owned()).collect();
    let table = Mark::Table { name: E::default().table_name().to_owned(), columns: names };
    format!("{}\n{}\n", serde_json::to_string(&table).unwrap(), json!(cells))
}

fn samples(kind: &ColumnType) -> Vec<Value> {
    const WORDS: [&str; 16] = [
        "text ☎ 'quoted'",
        "OWNER",
        "TWILIO",
        "HOLD",
        "ACTIVE",
        "INBOUND",
        "GSM7",
        "QUEUED",
        "STARTED",
        "ACCEPTED",
        "SENDER",
        "KEYWORD",
        "PENDING",
        "GONE",
        "USER",
        "DONE",
    ];
    let time = chrono::DateTime::from_timestamp_micros(1_763_000_000_123_456).unwrap();
    match kind {
        ColumnType::Uuid => vec![Value::from(Uuid::from_u128(7))],
        ColumnType::Integer => vec![Value::from(7_i32)],
        ColumnType::BigInteger => vec![Value::from(i64::MAX)],
        ColumnType::Boolean => vec![Value::from(true)],
        ColumnType::Json | ColumnType::JsonBinary => vec![Value::from(json!({ "a": [1, "ü", null] }))],
        ColumnType::Text | ColumnType::String(_) => WORDS.map(Value::from).into(),
        ColumnType::TimestampWithTimeZone | ColumnType::Timestamp | ColumnType::DateTime => {
            vec![Value::from(time)]
        }
        _ => vec![Value::from(vec![0_u8, 255, 7])],
    }
}

fn file(tables: &str, rows: u64) -> String {
    let head = json!({ "backup": { "format": FORMAT, "phonehub": "0.0.0", "schema": schema() } });
    format!("{head}\n{tables}{}\n", json!({ "end": { "rows": rows } }))
}

/// A file with one row in every table.
fn full() -> (String, u64) {
    let lines = tables::lines();
    (file(&lines.concat(), lines.len() as u64), lines.len() as u64)
}

/// A migrated, empty database: SQLite, or PostgreSQL in a schema-less database of its own where the run has one.
struct Fresh(Db, Option<std::path::PathBuf>);

async fn connect(database: Database) -> Db {
    Db::connect(&database, &Config::from_pairs(&[]).unwrap().pool).await.unwrap()
}

impl Fresh {
    async fn sqlite() -> Self {
        let path = std::env::temp_dir().join(format!("phonehub-backup-{}.sqlite", Uuid::now_v7()));
        let db = connect(Database::Sqlite(path.clone())).await;
        db.migrate().await.unwrap();
        Self(db, Some(path))
    }

    async fn postgres() -> Option<Self> {
        let server = std::env::var("PHONEHUB_TEST_DATABASE_URL").ok()?;
        let name = format!("backup_{}", Uuid::now_v7().simple());
        let any = connect(Database::Postgres(server.clone().into())).await;
        any.write().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        any.close().await;
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        let db = connect(Database::Postgres(String::from(url).into())).await;
        db.migrate().await.unwrap();
        Some(Self(db, None))
    }

    async fn backup(&self) -> (String, u64) {
        let mut out = Vec::new();
        let rows = backup(&self.0, &mut out).await.unwrap();
        (String::from_utf8(out).unwrap(), rows)
    }

    async fn restore(&self, text: &str) -> Result<u64, BackupError> {
        restore(&self.0, &mut Cursor::new(text)).await
    }

    async fn end(self) {
        self.0.close().await;
        for suffix in ["", "-wal", "-shm"] {
            let _ = self.1.as_ref().map(|path| std::fs::remove_file(format!("{}{suffix}", path.display())));
        }
    }
}

/// The lines of the tables, without what every restore sets.
fn tables_of(text: &str) -> Vec<&str> {
    let set = ["sending_paused", "event_log_life", "\"end\""];
    text.lines().filter(|line| !set.iter().any(|name| line.contains(name))).skip(1).collect()
}

#[tokio::test]
async fn a_row_of_every_table_comes_back_over_both_databases() {
    let (written, rows) = full();
    let mut all = vec![Fresh::sqlite().await];
    all.extend(Fresh::postgres().await);
    all.push(Fresh::sqlite().await);
    let (mut text, mut lives) = (written.clone(), BTreeSet::new());
    for (step, fresh) in all.into_iter().enumerate() {
        let read = fresh.restore(&text).await.unwrap();
        let set = if step > 0 { 2 } else { 0 };
        assert_eq!(read, rows + set);
        assert!(
            lives.insert(life::present(fresh.0.read()).await.unwrap()),
            "each restore begins another life"
        );
        assert!(switches::is_sending_paused(fresh.0.read()).await.unwrap());
        let (again, count) = fresh.backup().await;
        assert_eq!(count, rows + 2, "and the switch that pauses sending, and the life");
        for (ours, theirs) in tables_of(&again).into_iter().zip(tables_of(&written)) {
            assert_eq!(ours, theirs);
        }
        text = again;
        fresh.end().await;
    }
}

#[tokio::test]
async fn a_database_with_rows_is_refused_and_unchanged() {
    let fresh = Fresh::sqlite().await;
    let (text, _) = full();
    fresh.restore(&text).await.unwrap();
    let before = fresh.backup().await;
    assert!(matches!(fresh.restore(&text).await, Err(BackupError::NotEmpty("organization"))));
    assert_eq!(fresh.backup().await, before);
    fresh.end().await;
}

#[tokio::test]
async fn damaged_files_change_nothing() {
    let fresh = Fresh::sqlite().await;
    let (text, rows) = full();
    let cut = text.lines().count() / 2;
    let damaged = [
        String::new(),
        "{}\n".to_owned(),
        text.lines().take(cut).fold(String::new(), |whole, line| whole + line + "\n"),
        text.replace(&format!("\"rows\":{rows}"), "\"rows\":1"),
        text.replace("\"messages\"", "\"massages\""),
        text.replace("{\"int\":7}", "{\"int\":\"7\"}"),
        text.replace("\"organization_id\"", "\"organisation_id\""),
        text.replace("OWNER", "KING"),
        text.replace("\"format\":1", "\"format\":2"),
    ];
    for file in damaged {
        let result = fresh.restore(&file).await;
        assert!(matches!(result, Err(BackupError::Damaged { .. })), "{result:?}");
    }
    let other = text.replace(&schema(), "m9999_tomorrow");
    assert!(matches!(fresh.restore(&other).await, Err(BackupError::OtherSchema { .. })));
    assert_eq!(fresh.backup().await.1, 0);
    fresh.end().await;
}

#[tokio::test]
async fn many_rows_go_in_batches() {
    let columns = json!({ "table": { "name": "throttles", "columns": ["key", "failures", "window_start"] } });
    let time = json!({ "time": "2026-01-02T03:04:05.678901Z" });
    let rows = (0..1_001).map(|n| json!([format!("k{n:05}"), { "int": n }, time]).to_string() + "\n");
    let text = file(&format!("{columns}\n{}", rows.collect::<String>()), 1_001);
    let fresh = Fresh::sqlite().await;
    assert_eq!(fresh.restore(&text).await.unwrap(), 1_001);
    assert_eq!(fresh.backup().await.1, 1_003);
    fresh.end().await;
}

#[tokio::test]
async fn the_list_of_tables_is_the_schema() {
    let fresh = Fresh::sqlite().await;
    let sql = "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name <> 'seaql_migrations'";
    let row = fresh.0.read().query_one_raw(fresh.0.sql(sql, [])).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), i64::try_from(NAMES.len()).unwrap());
    fresh.end().await;
}

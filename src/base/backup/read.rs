//! Reads a backup into an empty database, all of it or nothing. Afterwards sending is paused: what the file says is
//! waiting may have been sent since.

use std::io::BufRead;

use sea_orm::sea_query::prelude::Json;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IdenStatic, Iterable,
    PaginatorTrait, QuerySelect, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::{BackupError, FORMAT, Mark, cell, schema, tables};
use crate::base::db::Db;
use crate::base::{life, switches};

/// Rows of one insert: few enough that their values stay below either database's limit of parameters.
const BATCH: usize = 200;

/// Rows of one table on their way into the database.
pub(super) struct Rows<'a> {
    pub(super) table: &'a str,
    pub(super) columns: &'a [String],
    pub(super) cells: Vec<Vec<Json>>,
    /// Of the last row, for complaints.
    pub(super) line: u64,
}

/// Reads every row of `file` into the empty, migrated database and pauses sending; answers how many rows there were.
/// Nothing is changed unless all of it fits.
pub async fn restore(db: &Db, file: &mut impl BufRead) -> Result<u64, BackupError> {
    let mut lines = Lines { file, number: 0 };
    check_head(lines.next()?)?;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.write().begin_with_options(options).await?;
    tables::refuse_rows(&tx).await?;
    let rows = read_tables(&tx, &mut lines).await?;
    switches::set_sending_paused(&tx, true).await?;
    life::begin_another(&tx).await?;
    tx.commit().await?;
    Ok(rows)
}

fn check_head(line: Line) -> Result<(), BackupError> {
    match line {
        Line::Mark(Mark::Backup { format: FORMAT, schema: theirs, .. }) if theirs == schema() => Ok(()),
        Line::Mark(Mark::Backup { format: FORMAT, phonehub, schema: theirs }) => {
            Err(BackupError::OtherSchema { phonehub, theirs, ours: schema() })
        }
        _ => Err(BackupError::Damaged { line: 1, what: "the head of a backup of this format" }),
    }
}

async fn read_tables(
    tx: &DatabaseTransaction,
    lines: &mut Lines<'_, impl BufRead>,
) -> Result<u64, BackupError> {
    let (mut table, mut columns, mut waiting, mut count) = (String::new(), Vec::new(), Vec::new(), 0_u64);
    loop {
        let line = lines.next()?;
        let is_row = matches!(line, Line::Row(_));
        if !waiting.is_empty() && (!is_row || waiting.len() == BATCH) {
            let cells = std::mem::take(&mut waiting);
            tables::insert(tx, Rows { table: &table, columns: &columns, cells, line: lines.number }).await?;
        }
        match line {
            Line::Row(row) => {
                waiting.push(row);
                count += 1;
            }
            Line::Mark(Mark::Table { name, columns: theirs }) => (table, columns) = (name, theirs),
            Line::Mark(Mark::End { rows }) if rows == count => return Ok(count),
            Line::Mark(_) => {
                return Err(lines.damaged("a table, a row or the end with the right count of rows"));
            }
        }
    }
}

pub(super) async fn refuse_rows<E: EntityTrait>(
    tx: &DatabaseTransaction,
    name: &'static str,
) -> Result<(), BackupError>
where
    E::Model: Send + Sync,
{
    match E::find().limit(1).count(tx).await? {
        0 => Ok(()),
        _ => Err(BackupError::NotEmpty(name)),
    }
}

pub(super) async fn insert<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    rows: Rows<'_>,
) -> Result<(), BackupError> {
    let damaged = |what| BackupError::Damaged { line: rows.line, what };
    let known = |name: &String| E::Column::iter().find(|column| column.as_str() == name);
    let columns: Option<Vec<E::Column>> = rows.columns.iter().map(known).collect();
    let columns = columns.ok_or(damaged("columns that this version knows"))?;
    let mut models = Vec::with_capacity(rows.cells.len());
    for row in rows.cells {
        let mut model = <E::ActiveModel as ActiveModelTrait>::default();
        if row.len() != columns.len() {
            return Err(damaged("as many cells as the table has columns"));
        }
        for (column, cell) in columns.iter().zip(row) {
            if let Some(value) = cell::decode(cell).map_err(|_| damaged("cells of known types"))? {
                model.try_set(*column, value).map_err(|_| damaged("cells of the columns' types"))?;
            }
        }
        models.push(model);
    }
    E::insert_many(models).exec_without_returning(tx).await?;
    Ok(())
}

/// A line of the file.
enum Line {
    Row(Vec<Json>),
    Mark(Mark),
}

/// The file by lines, with their numbers for complaints.
struct Lines<'a, R> {
    file: &'a mut R,
    number: u64,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Line, BackupError> {
        let mut text = String::new();
        self.number += 1;
        if self.file.read_line(&mut text)? == 0 {
            return Err(self.damaged("more lines: the file was cut off"));
        }
        let line = if text.starts_with('[') {
            serde_json::from_str(&text).map(Line::Row)
        } else {
            serde_json::from_str(&text).map(Line::Mark)
        };
        line.map_err(|_| self.damaged("a row or a mark in JSON"))
    }

    fn damaged(&self, what: &'static str) -> BackupError {
        BackupError::Damaged { line: self.number, what }
    }
}

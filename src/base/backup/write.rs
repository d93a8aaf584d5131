//! Writes a backup from one snapshot of the database, while servers go on writing. Memory does not grow with the data.

use std::io::Write;

use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, DatabaseTransaction, EntityTrait, IdenStatic, IsolationLevel, Iterable, ModelTrait,
    TransactionTrait,
};

use super::{BackupError, FORMAT, Mark, cell, schema, tables};
use crate::base::db::Db;

/// Writes every row of every table to `out` as of one moment; answers how many rows there are.
pub async fn backup(db: &Db, out: &mut impl Write) -> Result<u64, BackupError> {
    // A reader in SQLite's WAL mode keeps its snapshot by itself.
    let snapshot = (!db.is_sqlite()).then_some(IsolationLevel::RepeatableRead);
    let access = (!db.is_sqlite()).then_some(AccessMode::ReadOnly);
    let tx = db.read().begin_with_config(snapshot, access).await?;
    let phonehub = env!("CARGO_PKG_VERSION").to_owned();
    line(out, &Mark::Backup { format: FORMAT, phonehub, schema: schema() })?;
    let rows = tables::write_all(&tx, out).await?;
    line(out, &Mark::End { rows })?;
    tx.rollback().await?;
    Ok(rows)
}

pub(super) async fn table<E>(tx: &DatabaseTransaction, out: &mut impl Write) -> Result<u64, BackupError>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names = columns.iter().map(|column| column.as_str().to_owned()).collect();
    line(out, &Mark::Table { name: E::default().table_name().to_owned(), columns: names })?;
    let mut rows = 0;
    let mut stream = E::find().stream(tx).await?;
    while let Some(row) = stream.try_next().await? {
        let cells: Option<Vec<_>> = columns.iter().map(|column| cell::encode(row.get(*column))).collect();
        line(
            out,
            &cells.ok_or_else(|| std::io::Error::other("a column of a type that backups do not know"))?,
        )?;
        rows += 1;
    }
    Ok(rows)
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), BackupError> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

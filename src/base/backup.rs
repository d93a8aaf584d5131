//! The whole database as one file of JSON lines that either database can read back: a backup, a move, a test's snapshot.
//!
//! The first line says what it is, each table begins with a line of its columns, each row is an array of cells, and the
//! last line counts the rows, so that a file that was cut off is refused. Secrets stay sealed; the master key is needed
//! to use them.

mod cell;
mod read;
mod tables;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

pub use read::restore;
pub use tables::NAMES;
pub use write::backup;

/// Version of the format; a reader refuses any other.
const FORMAT: u32 = 1;

/// A line that is no row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mark {
    /// The first line.
    Backup {
        /// Of this format.
        format: u32,
        /// The program that wrote it.
        phonehub: String,
        /// Its last schema step: only a program of the same schema reads it.
        schema: String,
    },
    /// Rows of this table follow.
    Table { name: String, columns: Vec<String> },
    /// The last line.
    End { rows: u64 },
}

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file or the database failed; the cause is for the operator at the terminal.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The database refused a statement.
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// The same through one of our own services.
    #[error("{0}")]
    Service(#[from] super::error::Error),
    /// Not a backup, or damaged.
    #[error("line {line}: {what}")]
    Damaged {
        /// Counted from 1.
        line: u64,
        /// What was expected there.
        what: &'static str,
    },
    /// Written with another schema.
    #[error(
        "written by PhoneHub {phonehub} with the schema {theirs}, this one has {ours}: restore it with that version, then upgrade"
    )]
    OtherSchema {
        /// The program that wrote it.
        phonehub: String,
        /// Its last schema step.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// The database holds something already.
    #[error("the table {0} is not empty: restore into a new database")]
    NotEmpty(&'static str),
}

/// The last schema step of this program.
fn schema() -> String {
    use migration::MigratorTrait;
    migration::Migrator::migrations().last().map(|step| step.name().to_owned()).unwrap_or_default()
}

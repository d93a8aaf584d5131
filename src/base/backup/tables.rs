//! Every table, parents before children, so that rows can be read back in the order of the file. A test compares the list
//! with the schema.

use std::io::Write;

use sea_orm::{DatabaseTransaction, EntityName};

use super::BackupError;
use super::read::{self, Rows};
use super::write;

macro_rules! tables {
    ($($module:ident),* $(,)?) => {
        /// The tables' names in the order of the file.
        pub const NAMES: &[&str] = &[$(stringify!($module)),*];

        /// Writes all tables and answers how many rows they hold.
        pub(super) async fn write_all(tx: &DatabaseTransaction, out: &mut impl Write) -> Result<u64, BackupError> {
            let mut rows = 0;
            $(rows += write::table::<entity::$module::Entity>(tx, out).await?;)*
            Ok(rows)
        }

        /// Refuses a database that holds something.
        pub(super) async fn refuse_rows(tx: &DatabaseTransaction) -> Result<(), BackupError> {
            $(read::refuse_rows::<entity::$module::Entity>(tx, stringify!($module)).await?;)*
            Ok(())
        }

        /// Inserts rows into the table of this name.
        pub(super) async fn insert(tx: &DatabaseTransaction, rows: Rows<'_>) -> Result<(), BackupError> {
            $(if entity::$module::Entity.table_name() == rows.table {
                return read::insert::<entity::$module::Entity>(tx, rows).await;
            })*
            let line = rows.line;
            Err(BackupError::Damaged { line, what: "a table that this version knows" })
        }

        /// For tests: the lines of every table with one row.
        #[cfg(test)]
        pub(super) fn lines() -> Vec<String> {
            vec![$(super::tests::line::<entity::$module::Entity>()),*]
        }
    };
}

tables!(
    organization,
    user,
    membership,
    invitation,
    session,
    refresh_token,
    password_reset,
    api_key,
    audit_entry,
    carrier_config,
    number,
    contact,
    contact_number,
    opt_out,
    keyword,
    conversation,
    message,
    media,
    attempt,
    timeline_entry,
    tombstone,
    receipt,
    event_counter,
    event,
    event_reader,
    webhook_endpoint,
    webhook_secret,
    webhook_delivery,
    webhook_attempt,
    job,
    lane,
    idempotency_key,
    throttle,
    system_setting,
);

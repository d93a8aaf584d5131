//! Schema steps, one file a step; the same SQL serves SQLite and PostgreSQL. Expand first, contract a release later.

use sea_orm_migration::prelude::MigrationTrait;
pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr};

mod m0001_people;
mod m0002_carriers;
mod m0003_messages;
mod m0004_machinery;
mod m0005_partners;
mod m0006_keeping;

/// All steps in order.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_people::Step),
            Box::new(m0002_carriers::Step),
            Box::new(m0003_messages::Step),
            Box::new(m0004_machinery::Step),
            Box::new(m0005_partners::Step),
            Box::new(m0006_keeping::Step),
        ]
    }
}

/// The names of all steps, as the table of applied ones holds them.
pub fn steps() -> Vec<String> {
    Migrator::migrations().iter().map(|step| step.name().to_owned()).collect()
}

/// Begins a statement that only one of the databases understands, or needs.
const ONLY_SQLITE: &str = "-- SQLite";
/// The same for the other one.
const ONLY_POSTGRES: &str = "-- PostgreSQL";

/// Runs statements separated by blank lines, with the types that the two databases spell differently filled in.
pub(crate) async fn run(db: &impl ConnectionTrait, sql: &str) -> Result<(), DbErr> {
    let (spelled, foreign) = match db.get_database_backend() {
        DbBackend::Postgres => (
            [("{uuid}", "UUID"), ("{time}", "TIMESTAMPTZ"), ("{json}", "JSONB"), ("{bytes}", "BYTEA")],
            ONLY_SQLITE,
        ),
        _ => {
            ([("{uuid}", "BLOB"), ("{time}", "TEXT"), ("{json}", "TEXT"), ("{bytes}", "BLOB")], ONLY_POSTGRES)
        }
    };
    let ours = |statement: &&str| !statement.trim().is_empty() && !statement.trim().starts_with(foreign);
    for statement in sql.split("\n\n").filter(ours) {
        let statement =
            spelled.iter().fold(statement.to_owned(), |text, (name, word)| text.replace(name, word));
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Declares `Step`: a migration named after its file that runs `UP` and drops `TABLES` again.
macro_rules! step {
    () => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub(crate) struct Step;

        #[sea_orm_migration::async_trait::async_trait]
        impl sea_orm_migration::prelude::MigrationTrait for Step {
            async fn up(
                &self,
                manager: &sea_orm_migration::prelude::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                crate::run(manager.get_connection(), UP).await
            }

            async fn down(
                &self,
                manager: &sea_orm_migration::prelude::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                let drops: String =
                    TABLES.iter().rev().map(|table| format!("DROP TABLE {table}\n\n")).collect();
                crate::run(manager.get_connection(), &drops).await
            }
        }
    };
}
pub(crate) use step;

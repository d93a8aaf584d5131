//! Commands on the database as a whole: migrate, backup, restore. They open it alone, without a server.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use phonehub::base::backup as dump;
use phonehub::base::db::Db;
use phonehub::config::Config;

type Done = Result<(), Box<dyn Error>>;

async fn open(config: &Config) -> Result<Db, Box<dyn Error>> {
    Ok(Db::connect(&config.database, &config.pool).await?)
}

/// Applies missing schema steps, once even when many ask at the same time.
pub(crate) async fn migrate(config: &Config) -> Done {
    let db = open(config).await?;
    db.migrate().await?;
    db.close().await;
    println!("The schema is up to date.");
    Ok(())
}

/// Writes `file`, which must not exist: beside it first, so that a backup that failed is never taken for one.
pub(crate) async fn backup(config: &Config, file: &Path) -> Done {
    if file.exists() {
        return Err(format!("{} exists already; name a new file", file.display()).into());
    }
    let db = open(config).await?;
    if !db.is_migrated().await? {
        return Err("the schema of this database is not this version's; run `phonehub migrate` first".into());
    }
    let mut aside = file.as_os_str().to_owned();
    aside.push(".part");
    // It holds messages and password hashes: for its owner alone.
    let out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    let mut out = BufWriter::new(out);
    let rows = dump::backup(&db, &mut out).await?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(&aside, file)?;
    db.close().await;
    println!(
        "{rows} rows are in {}. Keep the master key with it: secrets inside stay sealed.",
        file.display()
    );
    Ok(())
}

/// Reads `file` into the empty database that the settings name.
pub(crate) async fn restore(config: &Config, file: &Path) -> Done {
    let mut text = BufReader::new(fs::File::open(file)?);
    let db = open(config).await?;
    db.migrate().await?;
    let rows = dump::restore(&db, &mut text).await?;
    db.close().await;
    println!(
        "{rows} rows were restored. Sending is paused: messages that wait may have been sent since the backup."
    );
    println!("Look at them, cancel what must not go out, then: phonehub admin resume-sending");
    Ok(())
}

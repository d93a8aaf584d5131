//! The file from which a restarted sandbox knows its messages again: JSON lines, written before the change is
//! answered, so that they survive a kill of the process. Secrets are not written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{message::Message, numbers::NumberState, optout::Block};

/// One line, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry<'a> {
    Message(&'a Message),
    Deleted(&'a str),
    Block(&'a Block),
    Lift(&'a Block),
    Number(&'a NumberState),
    Reset,
}

/// One line, as it is read back.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recorded {
    Message(Box<Message>),
    Deleted(String),
    Block(Block),
    Lift(Block),
    Number(Box<NumberState>),
    Reset,
}

/// An open journal, or none at all.
pub(super) struct Journal(Option<File>);

impl Journal {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Writes one line. A full disk is reported and does not stop the sandbox: it emulates, it does not keep
    /// books.
    pub(super) fn write(&mut self, entry: &Entry<'_>) {
        let Some(file) = &mut self.0 else { return };
        let written = line(entry).and_then(|line| file.write_all(&line));
        if let Err(error) = written {
            tracing::warn!(%error, "sandbox journal could not be written");
        }
    }
}

fn line(entry: &Entry<'_>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

/// What the file holds, oldest first. A missing file holds nothing; a line torn by a kill is passed over.
pub(super) fn read(path: &Path) -> io::Result<Vec<Recorded>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        match serde_json::from_slice(&line?) {
            Ok(entry) => entries.push(entry),
            Err(error) => tracing::warn!(%error, "sandbox journal: a line cannot be read and is passed over"),
        }
    }
    Ok(entries)
}

/// Replaces the file by what is still true, in one step, and opens it for more.
pub(super) fn rewrite<'a>(path: &Path, entries: impl Iterator<Item = Entry<'a>>) -> io::Result<Journal> {
    let fresh = path.with_extension("new");
    let mut out = BufWriter::new(create_private(&fresh)?);
    for entry in entries {
        out.write_all(&line(&entry)?)?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&fresh, path)?;
    Ok(Journal(Some(OpenOptions::new().append(true).open(path)?)))
}

/// Bodies are in it, so nobody else on the machine may read it.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

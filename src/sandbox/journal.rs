//! The file from which a restarted sandbox knows its messages again: JSON lines, written before the change is
//! answered, so that they survive a kill of the process. Secrets are not written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
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

/// Where a journal is, and how large it may become before it is worth rewriting.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Bytes.
    pub(super) slack: u64,
}

/// An open journal, or none at all.
#[derive(Default)]
pub(super) struct Journal(Option<Open>);

struct Open {
    place: Place,
    file: File,
    /// Bytes.
    size: u64,
    /// Bytes, beyond which most of it is out of date.
    bloated_from: u64,
}

impl Journal {
    /// Writes one line. A full disk is reported and does not stop the sandbox: it emulates, it does not keep
    /// books.
    pub(super) fn write(&mut self, entry: &Entry<'_>) {
        let Some(open) = &mut self.0 else { return };
        let written = line(entry).and_then(|line| open.file.write_all(&line).map(|()| line.len() as u64));
        match written {
            Ok(bytes) => open.size += bytes,
            Err(error) => tracing::warn!(%error, "sandbox journal could not be written"),
        }
    }

    /// The place, once most of the file is out of date and [`rewrite`] would shrink it.
    pub(super) fn bloated(&self) -> Option<Place> {
        self.0.as_ref().filter(|open| open.size > open.bloated_from).map(|open| open.place.clone())
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
pub(super) fn rewrite<'a>(place: Place, entries: impl Iterator<Item = Entry<'a>>) -> io::Result<Journal> {
    let fresh = place.path.with_extension("new");
    let mut out = BufWriter::new(create_private(&fresh)?);
    let mut size = 0;
    for entry in entries {
        let line = line(&entry)?;
        out.write_all(&line)?;
        size += line.len() as u64;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&fresh, &place.path)?;
    let file = OpenOptions::new().append(true).open(&place.path)?;
    let bloated_from = place.slack.max(4 * size);
    Ok(Journal(Some(Open { place, file, size, bloated_from })))
}

/// Bodies are in it, so nobody else on the machine may read it.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

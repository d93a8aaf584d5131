//! Keys that seal and sign: their written form, and the file that stands in for them in a demo. Nothing is sealed here.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

use super::reader::Reader;
use super::settings;

/// The file of generated keys, beside the database and never in it.
const DEMO_FILE: &str = "phonehub.keys";

/// One key of 256 bits and the name under which sealed values and tokens remember it.
#[derive(Debug, Clone)]
pub struct Key {
    id: String,
    bytes: Arc<SecretBox<[u8; 32]>>,
}

impl Key {
    /// A key that belongs to this process, for the demo's file and for tests.
    pub fn generate(id: &str) -> Self {
        Self { id: id.to_owned(), bytes: Arc::new(SecretBox::new(Box::new(rand::random()))) }
    }

    /// The name: 1 to 16 of `a-z`, `0-9`, `-` and `_`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret itself; whoever calls this keeps it out of logs.
    pub fn bytes(&self) -> &[u8; 32] {
        self.bytes.expose_secret()
    }

    fn parse(raw: &str) -> Result<Self, String> {
        let (id, encoded) = raw.split_once(':').ok_or("has a key without an id: in front")?;
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if !(1..=16).contains(&id.len()) || !id.bytes().all(letters) {
            return Err("has an id that is not 1 to 16 of a-z, 0-9, - and _".into());
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| "has a key that is not base64")?;
        let bytes: [u8; 32] = decoded.try_into().map_err(|_| "has a key that is not 32 bytes long")?;
        Ok(Self { id: id.to_owned(), bytes: Arc::new(SecretBox::new(Box::new(bytes))) })
    }

    fn written(&self) -> String {
        format!("{}:{}", self.id, STANDARD.encode(self.bytes()))
    }
}

/// Keys of one purpose: the first makes, all of them read. Never empty.
#[derive(Debug, Clone)]
pub struct KeySet {
    first: Key,
    older: Vec<Key>,
}

impl KeySet {
    /// A set of one fresh key, for the demo's file and for tests.
    pub fn generate(id: &str) -> Self {
        Self { first: Key::generate(id), older: Vec::new() }
    }

    /// Reads `id:base64[,id:base64…]`; the error never repeats the value.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let mut keys = raw.split(',').map(|part| Key::parse(part.trim())).collect::<Result<Vec<_>, _>>()?;
        let set = Self { first: keys.remove(0), older: keys };
        let mut ids: Vec<_> = set.iter().map(Key::id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("has two keys of the same id".into());
        }
        Ok(set)
    }

    /// The key that seals and signs now.
    pub fn first(&self) -> &Key {
        &self.first
    }

    /// All keys that still open and verify, the first one included.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.older)
    }

    /// The key of an id, for values that name theirs.
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.iter().find(|key| key.id == id)
    }

    /// Whether both sets hold the same secret: one key must not serve two purposes.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.iter().any(|key| other.iter().any(|theirs| key.bytes() == theirs.bytes()))
    }
}

/// What is known of the keys before any file is read.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `PHONEHUB_MASTER_KEY`, when set: seals credentials.
    pub master: Option<KeySet>,
    /// `PHONEHUB_TOKEN_KEY`, when set: signs tokens, cursors and links.
    pub token: Option<KeySet>,
    /// Where a demo keeps the keys that were not set.
    pub file: PathBuf,
}

impl Keys {
    pub(super) fn read(reader: &mut Reader, data_dir: &Path) -> Self {
        Self {
            master: reader.optional(&settings::MASTER_KEY, KeySet::parse),
            token: reader.optional(&settings::TOKEN_KEY, KeySet::parse),
            file: data_dir.join(DEMO_FILE),
        }
    }

    /// The keys to work with, `(master, token)`: configured ones, else those of the demo's file, which is made with
    /// mode 0600 at the first start. Outside a demo both are configured and no file is touched.
    pub fn resolve(&self) -> io::Result<(KeySet, KeySet)> {
        if let (Some(master), Some(token)) = (&self.master, &self.token) {
            return Ok((master.clone(), token.clone()));
        }
        let (master, token) = match fs::read_to_string(&self.file) {
            Ok(text) => parse_file(&text).ok_or_else(|| unreadable(&self.file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_file(&self.file)?,
            Err(error) => return Err(error),
        };
        Ok((self.master.clone().unwrap_or(master), self.token.clone().unwrap_or(token)))
    }
}

fn parse_file(text: &str) -> Option<(KeySet, KeySet)> {
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .and_then(|raw| KeySet::parse(raw.trim()).ok())
    };
    Some((value(settings::MASTER_KEY.name)?, value(settings::TOKEN_KEY.name)?))
}

fn create_file(path: &Path) -> io::Result<(KeySet, KeySet)> {
    let keys = (KeySet::generate("demo"), KeySet::generate("demo"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = format!(
        "{}={}\n{}={}\n",
        settings::MASTER_KEY.name,
        keys.0.first.written(),
        settings::TOKEN_KEY.name,
        keys.1.first.written()
    );
    // Written aside and linked into place: a crash leaves no half file, a second process no second set of keys.
    let aside = path.with_extension(format!("keys.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Ok(()) => Ok(keys),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            parse_file(&fs::read_to_string(path)?).ok_or_else(|| unreadable(path))
        }
        Err(error) => Err(error),
    }
}

fn unreadable(path: &Path) -> io::Error {
    let text = format!(
        "{} holds no usable keys; restore it, or remove it together with the database",
        path.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

//! Seals what must not be readable in a stolen database. The only module that touches the master keys; it stores nothing.
//!
//! A sealed value is `version ‖ length of key id ‖ key id ‖ nonce (12) ‖ ciphertext and tag`, AES-256-GCM (NIST SP
//! 800-38D) with a random nonce. The associated data names organisation, table, row and column, so that a value copied
//! elsewhere does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad as Associated, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{SecretSlice, SecretString};
use uuid::Uuid;

use crate::config::KeySet;

const VERSION: u8 = 1;

/// What the canary says; its text does not matter, only that it opens.
const CANARY: &[u8] = b"PhoneHub opens what it sealed";

/// Where a sealed value lives. It opens there and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad {
    /// The tenant; `None` for the installation's own rows.
    pub organization: Option<Uuid>,
    /// The table's name.
    pub table: &'static str,
    /// The row's primary key.
    pub row: Uuid,
    /// The column's name.
    pub column: &'static str,
}

impl Aad {
    const CANARY: Self =
        Self { organization: None, table: "system_settings", row: Uuid::nil(), column: "master_key_canary" };

    /// Unambiguous bytes: every part is of fixed length or carries its own.
    fn bytes(&self, key_id: &[u8]) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.organization.is_some())];
        bytes.extend(self.organization.unwrap_or_default().as_bytes());
        bytes.extend(self.row.as_bytes());
        for part in [key_id, self.table.as_bytes(), self.column.as_bytes()] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }
}

/// Why a sealed value does not open. Says nothing about what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes are no sealed value, or of a version that this program does not know.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed by a key that is not configured (any more): put it back into `PHONEHUB_MASTER_KEY`.
    #[error("sealed with the key {0:?}, which PHONEHUB_MASTER_KEY does not hold")]
    UnknownKey(String),
    /// Another key of the same id, another place, or altered bytes.
    #[error("the sealed value does not open: wrong key, or altered or moved data")]
    DoesNotOpen,
    /// The operating system gave no random bytes.
    #[error("no randomness to seal with")]
    NoRandomness,
}

/// The master keys, ready to use: the first seals, all of them open.
pub struct Keyring {
    keys: Vec<(String, RandomizedNonceKey)>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

/// The parts of a sealed value.
struct Envelope<'a> {
    key_id: &'a [u8],
    nonce: [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(sealed: &'a [u8]) -> Result<Self, SealError> {
        let split = || {
            let (&[version, length], rest) = sealed.split_first_chunk::<2>()?;
            let (key_id, rest) = rest.split_at_checked(usize::from(length))?;
            let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
            (version == VERSION).then_some(Self { key_id, nonce: *nonce, ciphertext })
        };
        split().ok_or(SealError::Malformed)
    }
}

impl Keyring {
    /// Prepares the configured keys.
    pub fn new(keys: &KeySet) -> Self {
        let prepare = |bytes: &[u8; 32]| {
            RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("AES-256 takes every key of 32 bytes")
        };
        Self { keys: keys.iter().map(|key| (key.id().to_owned(), prepare(key.bytes()))).collect() }
    }

    /// Seals `plain` for the place that `aad` names, with the first key.
    pub fn seal(&self, aad: &Aad, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = &self.keys[0];
        let mut body = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Associated::from(aad.bytes(id.as_bytes())), &mut body)
            .map_err(|_| SealError::NoRandomness)?;
        let length = u8::try_from(id.len()).expect("ids are at most 16 bytes long");
        let mut sealed = vec![VERSION, length];
        sealed.extend(id.as_bytes());
        sealed.extend(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens a value with the key that sealed it.
    pub fn open(&self, aad: &Aad, sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let envelope = Envelope::parse(sealed)?;
        let (_, key) =
            self.keys.iter().find(|(id, _)| id.as_bytes() == envelope.key_id).ok_or_else(|| {
                SealError::UnknownKey(String::from_utf8_lossy(envelope.key_id).into_owned())
            })?;
        let mut body = envelope.ciphertext.to_vec();
        let associated = Associated::from(aad.bytes(envelope.key_id));
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(envelope.nonce), associated, &mut body)
            .map_err(|_| SealError::DoesNotOpen)?
            .len();
        body.truncate(length);
        Ok(body.into())
    }

    /// [`Keyring::open`] for a value that is text, such as a token or a JSON object of credentials.
    pub fn open_text(&self, aad: &Aad, sealed: &[u8]) -> Result<SecretString, SealError> {
        let bytes = self.open(aad, sealed)?;
        let text = std::str::from_utf8(secrecy::ExposeSecret::expose_secret(&bytes));
        text.map(SecretString::from).map_err(|_| SealError::Malformed)
    }

    /// Whether an older key sealed this value; unreadable bytes need a person, not a rotation.
    pub fn needs_rotation(&self, sealed: &[u8]) -> bool {
        Envelope::parse(sealed).is_ok_and(|envelope| envelope.key_id != self.keys[0].0.as_bytes())
    }

    /// Seals anew with the first key, when an older one did; `None` when nothing has to change.
    pub fn reseal(&self, aad: &Aad, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if !self.needs_rotation(sealed) {
            return self.open(aad, sealed).map(|_| None);
        }
        let plain = self.open(aad, sealed)?;
        self.seal(aad, secrecy::ExposeSecret::expose_secret(&plain)).map(Some)
    }

    /// The text that a new database keeps, by which a later start knows whether its keys are the right ones.
    pub fn seal_canary(&self) -> Result<String, SealError> {
        self.seal(&Aad::CANARY, CANARY).map(|sealed| STANDARD.encode(sealed))
    }

    /// Refuses a start with other master keys than the database was sealed with. `Ok(true)`: the right keys, and the
    /// canary should be written anew because an older one sealed it.
    pub fn check_canary(&self, stored: &str) -> Result<bool, SealError> {
        let sealed = STANDARD.decode(stored).map_err(|_| SealError::Malformed)?;
        self.open(&Aad::CANARY, &sealed)?;
        Ok(self.needs_rotation(&sealed))
    }
}

#[cfg(test)]
mod tests;

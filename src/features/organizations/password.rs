//! Passwords: the rules for new ones, and Argon2id (RFC 9106) off the async threads, few at a time. Knows no table.

use std::time::Duration;

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{self, SaltString},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::base::error::{Error, Result};

/// Each hash takes 19 MiB and a core: this many at once, so that a flood of sign-ins cannot starve the rest.
static HASHING: Semaphore = Semaphore::const_new(2);
/// Who waits longer for a turn is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORTEST: usize = 10;
const LONGEST: usize = 256;

/// A password that may be set. Never shown, not even by `Debug`.
#[derive(Clone, Debug)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// 10 to 256 characters and not the e-mail address; length is what makes guessing slow (NIST SP 800-63B §3.1.1).
    pub fn parse(raw: &str, email: &str, field: &'static str) -> Result<Self> {
        if !(SHORTEST..=LONGEST).contains(&raw.chars().count()) {
            return Err(Error::input(&[field], "A password has 10 to 256 characters."));
        }
        if raw.trim().eq_ignore_ascii_case(email) {
            return Err(Error::input(&[field], "The password cannot be the e-mail address."));
        }
        Ok(Self(raw.into()))
    }

    /// 256 random bits as text, for accounts that the command line makes.
    pub fn random() -> Self {
        Self(crate::base::tokens::random().into())
    }

    /// The text, for the one place that shows a generated password once.
    pub fn reveal(&self) -> &SecretString {
        &self.0
    }

    /// What is stored: Argon2id in PHC form with a fresh salt.
    pub async fn hash(&self) -> Result<String> {
        let secret = self.0.clone();
        in_turn(move || hash(&secret)).await?.map_err(fault)
    }
}

/// Whether a password is the stored one. Without a stored one (unknown e-mail) it costs the same and is false.
pub async fn is_right(password: &str, stored: Option<&str>) -> Result<bool> {
    let secret = SecretString::from(password);
    let stored = stored.map(str::to_owned);
    in_turn(move || match stored {
        Some(stored) => verify(&secret, &stored),
        None => hash(&secret).map(|_| false),
    })
    .await?
    .map_err(fault)
}

fn hash(secret: &SecretString) -> Result<String, password_hash::Error> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
    Ok(Argon2::default().hash_password(secret.expose_secret().as_bytes(), &salt)?.to_string())
}

fn verify(secret: &SecretString, stored: &str) -> Result<bool, password_hash::Error> {
    let stored = PasswordHash::new(stored)?;
    match Argon2::default().verify_password(secret.expose_secret().as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::Password) => Ok(false),
        Err(other) => Err(other),
    }
}

fn fault(error: password_hash::Error) -> Error {
    Error::internal(error.to_string())
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let turn = tokio::time::timeout(PATIENCE, HASHING.acquire()).await;
    let turn = turn.map_err(Error::unavailable)?.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let password = NewPassword::parse("correct horse", "a@b.c", "password").unwrap();
        let stored = password.hash().await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert_ne!(stored, password.hash().await.unwrap(), "a salt each");
        assert!(is_right("correct horse", Some(&stored)).await.unwrap());
        assert!(!is_right("correct horsf", Some(&stored)).await.unwrap());
        assert!(!is_right("correct horse", None).await.unwrap());
    }

    #[test]
    fn weak_passwords_are_refused() {
        for raw in ["", "123456789", "Ada@Example.com", &"a".repeat(257)] {
            let error = NewPassword::parse(raw, "ada@example.com", "newPassword").unwrap_err();
            assert_eq!(error.field, ["input", "newPassword"], "{raw}");
        }
        assert!(NewPassword::parse("ünïcödé10!", "a@b.c", "password").is_ok());
    }

    #[test]
    fn nothing_prints_a_password() {
        let password = NewPassword::parse("correct horse", "a@b.c", "password").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }
}

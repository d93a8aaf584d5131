//! Tokens: signed access tokens, random secrets and their hashes, API keys. Pure; whether a token still counts is
//! decided by `auth` against the database.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use entity::ids::{OrganizationId, SessionId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::config::KeySet;

/// Every API key begins with it, so that leak scanners can find one.
pub const API_KEY_PREFIX: &str = "phk_";
const ISSUER: &str = "phonehub";
const AUDIENCE: &str = "phonehub-api";
/// Clocks of two instances may differ by this much.
const LEEWAY: Duration = Duration::seconds(5);
/// Characters of the random part of an API key: 26 of 32 symbols are 130 bits.
const KEY_LENGTH: usize = 26;
const CHECKSUM_LENGTH: usize = 6;
/// Crockford's base32 in lower case.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What an access token says. Role and rights are read from the database, not from here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// The one organisation that it acts in.
    pub org: OrganizationId,
    /// The session that can be revoked.
    pub sid: SessionId,
    exp: i64,
    nbf: i64,
    iat: i64,
    iss: String,
    aud: String,
}

impl Claims {
    /// When the token ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// Whom an access token is for.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The user.
    pub user_id: UserId,
    /// The organisation.
    pub organization_id: OrganizationId,
    /// The session.
    pub session_id: SessionId,
}

/// Signs an access token (HS256, RFC 7519) that lives for `ttl`.
pub fn issue(keys: &KeySet, grant: Grant, now: DateTime<Utc>, ttl: std::time::Duration) -> Result<String> {
    let lives = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    let claims = Claims {
        sub: grant.user_id,
        org: grant.organization_id,
        sid: grant.session_id,
        exp: now.timestamp().saturating_add(lives),
        nbf: now.timestamp(),
        iat: now.timestamp(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
    };
    let key = keys.first();
    let header = Header { kid: Some(key.id().to_owned()), ..Header::new(Algorithm::HS256) };
    encode(&header, &claims, &EncodingKey::from_secret(key.bytes())).map_err(Error::internal)
}

/// Reads an access token: one algorithm, a key named by `kid`, every claim present, in time. One answer to all faults.
pub fn verify(keys: &KeySet, token: &str, now: DateTime<Utc>) -> Result<Claims> {
    let claims = signed_claims(keys, token).ok_or_else(Error::unauthenticated)?;
    let begins = DateTime::from_timestamp(claims.nbf, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    if claims.expires_at() <= now || begins > now + LEEWAY {
        return Err(Error::unauthenticated());
    }
    Ok(claims)
}

fn signed_claims(keys: &KeySet, token: &str) -> Option<Claims> {
    let header = decode_header(token).ok()?;
    let key = keys.get(header.kid.as_deref()?)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    // Times are compared above, with the clock that tests can move.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    Some(decode::<Claims>(token, &DecodingKey::from_secret(key.bytes()), &validation).ok()?.claims)
}

/// 256 random bits in URL-safe text: refresh tokens, invitations, links.
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a secret token. Tokens are random, so a fast hash is right.
pub fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A new API key: prefix, 130 random bits, a checksum by which a mistyped or invented key is told without the database.
pub fn new_api_key() -> String {
    let secret: String =
        (0..KEY_LENGTH).map(|_| char::from(SYMBOLS[rand::random_range(0..SYMBOLS.len())])).collect();
    format!("{API_KEY_PREFIX}{secret}{}", checksum(&secret))
}

/// Whether a text can be an API key at all.
pub fn is_api_key(token: &str) -> bool {
    token
        .strip_prefix(API_KEY_PREFIX)
        .and_then(|rest| rest.split_at_checked(KEY_LENGTH))
        .is_some_and(|(secret, sum)| sum == checksum(secret))
}

fn checksum(secret: &str) -> String {
    let sum = hash(secret);
    sum[..CHECKSUM_LENGTH].iter().map(|byte| char::from(SYMBOLS[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant { user_id: UserId::new(), organization_id: OrganizationId::new(), session_id: SessionId::new() }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    const TTL: std::time::Duration = std::time::Duration::from_mins(15);

    #[test]
    fn a_token_is_read_until_it_ends() {
        let keys = KeySet::generate("a");
        let token = issue(&keys, grant(), at(0), TTL).unwrap();
        assert!(verify(&keys, &token, at(899)).is_ok());
        assert!(verify(&keys, &token, at(900)).is_err());
        assert!(verify(&keys, &token, at(-60)).is_err(), "not before");
    }

    #[test]
    fn foreign_keys_and_unsigned_tokens_are_refused() {
        let keys = KeySet::generate("a");
        let token = issue(&keys, grant(), at(0), TTL).unwrap();
        assert!(verify(&KeySet::generate("a"), &token, at(1)).is_err(), "same id, other key");
        assert!(verify(&KeySet::generate("b"), &token, at(1)).is_err(), "unknown kid");
        let payload = token.split('.').nth(1).unwrap();
        for header in [r#"{"alg":"none","kid":"a"}"#, r#"{"alg":"HS512","kid":"a"}"#, r#"{"alg":"HS256"}"#] {
            let forged = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header));
            assert!(verify(&keys, &forged, at(1)).is_err(), "{header}");
        }
        assert!(verify(&keys, &token[..token.len() - 2], at(1)).is_err(), "cut signature");
    }

    #[test]
    fn missing_claims_are_refused() {
        let keys = KeySet::generate("a");
        let whole = serde_json::to_value(Claims {
            sub: UserId::new(),
            org: OrganizationId::new(),
            sid: SessionId::new(),
            exp: at(900).timestamp(),
            nbf: at(0).timestamp(),
            iat: at(0).timestamp(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        })
        .unwrap();
        let sign = |claims: &serde_json::Value| {
            let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS256) };
            encode(&header, claims, &EncodingKey::from_secret(keys.first().bytes())).unwrap()
        };
        assert!(verify(&keys, &sign(&whole), at(1)).is_ok());
        for claim in ["sub", "org", "sid", "exp", "nbf", "iss", "aud"] {
            let mut cut = whole.clone();
            cut.as_object_mut().unwrap().remove(claim);
            assert!(verify(&keys, &sign(&cut), at(1)).is_err(), "{claim}");
        }
    }

    #[test]
    fn api_keys_carry_their_checksum() {
        let key = new_api_key();
        assert!(is_api_key(&key));
        let mut other = key.clone().into_bytes();
        other[10] = if other[10] == b'0' { b'1' } else { b'0' };
        assert!(!is_api_key(std::str::from_utf8(&other).unwrap()));
        assert!(!is_api_key("phk_"));
    }
}

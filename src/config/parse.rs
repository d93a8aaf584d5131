//! One pure function a form of value. An error is the end of the sentence "<value> …" and never repeats the value.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::{ForwardedHeader, LogFormat, Network, SignUp, SqliteSynchronous};

type Parsed<T> = Result<T, String>;

const WHITE_SPACE: &str = "begins or ends with white space";

pub(super) fn text(raw: &str) -> Parsed<String> {
    if raw.trim() == raw { Ok(raw.to_owned()) } else { Err(WHITE_SPACE.into()) }
}

pub(super) fn secret(raw: &str) -> Parsed<SecretString> {
    if raw.trim() == raw { Ok(raw.into()) } else { Err(WHITE_SPACE.into()) }
}

pub(super) fn metrics_token(raw: &str) -> Parsed<SecretString> {
    if raw.len() < 16 {
        return Err("is too short to be a secret".into());
    }
    secret(raw)
}

pub(super) fn socket(raw: &str) -> Parsed<SocketAddr> {
    raw.parse().map_err(|_| "is not an IP address and port such as 127.0.0.1:8080".into())
}

pub(super) fn switch(raw: &str) -> Parsed<bool> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither true nor false".into()),
    }
}

pub(super) fn count<T>(least: u32, most: u32) -> impl Fn(&str) -> Parsed<T>
where
    T: TryFrom<u32>,
{
    move |raw| {
        let number: u32 = raw.parse().map_err(|_| "is not a whole number".to_owned())?;
        if !(least..=most).contains(&number) {
            return Err("is out of range".into());
        }
        T::try_from(number).map_err(|_| "is out of range".into())
    }
}

/// A duration between two others, all written as a number with a unit.
pub(super) fn duration(least: &'static str, most: &'static str) -> impl Fn(&str) -> Parsed<Duration> {
    move |raw| {
        let value = one_duration(raw)?;
        if one_duration(least)? <= value && value <= one_duration(most)? {
            Ok(value)
        } else {
            Err("is out of range".into())
        }
    }
}

fn one_duration(raw: &str) -> Parsed<Duration> {
    const NOT_ONE: &str = "is not a number with a unit (ms, s, m, h or d) such as 30s";
    let digits = raw.len() - raw.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = raw.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(NOT_ONE.into()),
    };
    let number: u64 = number.parse().map_err(|_| NOT_ONE.to_owned())?;
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| "is out of range".into())
}

/// An address that paths can be appended to: no query, fragment or credentials.
pub(super) fn base_url(raw: &str) -> Parsed<Url> {
    let url = Url::parse(raw).map_err(|_| "is not a URL".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("is not an http or https URL".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds credentials".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment".into());
    }
    Ok(url)
}

/// Like [`base_url`]; plain http only where nobody else can listen.
pub(super) fn public_url(raw: &str) -> Parsed<Url> {
    let url = base_url(raw)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("is neither https nor loopback".into());
    }
    Ok(url)
}

/// Whether a URL names this machine alone, by address or as `localhost`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Origins as browsers send them: scheme, host and port, nothing after; or `*` alone.
pub(super) fn origins(raw: &str) -> Parsed<Vec<String>> {
    raw.split(',').map(str::trim).filter(|part| !part.is_empty()).map(origin).collect()
}

fn origin(part: &str) -> Parsed<String> {
    if part == "*" {
        return Ok("*".to_owned());
    }
    let url = base_url(part)?;
    if url.path() != "/" {
        return Err("has a path in an origin".into());
    }
    Ok(url.origin().ascii_serialization())
}

/// Addresses and networks with commas between.
pub(super) fn networks(raw: &str) -> Parsed<Vec<Network>> {
    let parts = raw.split(',').map(str::trim).filter(|part| !part.is_empty());
    let how = "is not a list of addresses and networks such as 10.0.0.0/8, with no bits beyond the prefix";
    parts.map(|part| part.parse().map_err(|_| how.to_owned())).collect()
}

pub(super) fn forwarded_header(raw: &str) -> Parsed<ForwardedHeader> {
    match raw.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ForwardedHeader::XForwardedFor),
        "forwarded" => Ok(ForwardedHeader::Forwarded),
        _ => Err("is neither x-forwarded-for nor forwarded".into()),
    }
}

/// Twilio's account SIDs: `AC` and 32 hexadecimal digits (twilio.com/docs/glossary/what-is-a-sid).
pub(super) fn account_sid(raw: &str) -> Parsed<String> {
    match raw.strip_prefix("AC") {
        Some(rest) if rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(raw.to_owned()),
        _ => Err("is not an account SID".into()),
    }
}

/// The shape of an E.164 number; whether it exists is the carrier's to say.
pub(super) fn e164(raw: &str) -> Parsed<String> {
    match raw.strip_prefix('+') {
        Some(digits) if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(raw.to_owned())
        }
        _ => Err("is not written as + and 7 to 15 digits".into()),
    }
}

pub(super) fn sign_up(raw: &str) -> Parsed<SignUp> {
    match raw {
        "open" => Ok(SignUp::Open),
        "invite_only" => Ok(SignUp::InviteOnly),
        _ => Err("is no way to sign up".into()),
    }
}

pub(super) fn log_format(raw: &str) -> Parsed<LogFormat> {
    match raw {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is no format of log lines".into()),
    }
}

pub(super) fn log_filter(raw: &str) -> Parsed<String> {
    match tracing_subscriber::EnvFilter::try_new(raw) {
        Ok(_) => Ok(raw.to_owned()),
        Err(_) => Err("is no filter of log lines".into()),
    }
}

pub(super) fn synchronous(raw: &str) -> Parsed<SqliteSynchronous> {
    match raw {
        "full" => Ok(SqliteSynchronous::Full),
        "normal" => Ok(SqliteSynchronous::Normal),
        _ => Err("is neither full nor normal".into()),
    }
}

//! What the configuration accepts and refuses, and that its reference page is the table.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Config, Database, KeySet, Problem, SETTINGS, SignUp, reference};

const KEY_A: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const KEY_B: &str = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const POSTGRES: &str = "postgres://hub:pass-word@db.example/hub?sslmode=verify-full";

fn problems(pairs: &[(&str, &str)]) -> Vec<Problem> {
    Config::from_pairs(pairs).expect_err("these settings must be refused")
}

fn refused(pairs: &[(&str, &str)]) -> Vec<String> {
    problems(pairs).into_iter().map(|problem| problem.name).collect()
}

fn production(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let base = [("DATABASE_URL", POSTGRES), ("PHONEHUB_MASTER_KEY", KEY_A), ("PHONEHUB_TOKEN_KEY", KEY_B)];
    base.iter().chain(more).copied().collect()
}

#[test]
fn an_empty_environment_is_the_demo() {
    let config = Config::from_pairs(&[]).unwrap();
    assert!(config.demo && config.allow_private_carrier_urls && config.redis.is_none());
    assert!(matches!(&config.database, Database::Sqlite(path) if path.ends_with("phonehub.sqlite")));
    assert_eq!(config.accounts.sign_up, SignUp::Open);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.accounts.access_token_ttl, Duration::from_mins(15));
    assert_eq!(config.event_retention, Duration::from_hours(7 * 24));
}

#[test]
fn production_needs_both_keys_and_is_invite_only() {
    assert_eq!(refused(&[("DATABASE_URL", POSTGRES)]), ["PHONEHUB_MASTER_KEY", "PHONEHUB_TOKEN_KEY"]);
    let config = Config::from_pairs(&production(&[])).unwrap();
    assert!(!config.demo && !config.allow_private_carrier_urls);
    assert_eq!(config.accounts.sign_up, SignUp::InviteOnly);
    assert!(matches!(&config.database, Database::Postgres(url) if url.expose_secret() == POSTGRES));
}

#[test]
fn a_listener_beyond_loopback_needs_keys_and_an_address() {
    let names = refused(&[("PHONEHUB_LISTEN", "0.0.0.0:8080")]);
    assert_eq!(names, ["PHONEHUB_MASTER_KEY", "PHONEHUB_TOKEN_KEY", "PUBLIC_URL"]);
    let open = [("PHONEHUB_LISTEN", "[::]:8080"), ("PUBLIC_URL", "https://hub.example/base")];
    assert!(Config::from_pairs(&production(&open)).is_ok());
    assert_eq!(refused(&production(&[("PUBLIC_URL", "http://hub.example")])), ["PUBLIC_URL"]);
    assert!(Config::from_pairs(&production(&[("WEB_URL", "http://localhost:9000")])).is_ok());
}

#[test]
fn misspelt_names_are_refused_with_the_likely_one() {
    let found = problems(&[("PHONEHUB_LISTN", "127.0.0.1:1"), ("TWILIO_ACOUNT_SID", "x"), ("PATH", "/bin")]);
    let sentences: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert!(sentences.iter().any(|s| s.contains("did you mean PHONEHUB_LISTEN?")), "{sentences:?}");
    assert!(sentences.iter().any(|s| s.contains("did you mean TWILIO_ACCOUNT_SID?")), "{sentences:?}");
    assert!(Config::from_pairs(&[("PHONEHUB_TEST_DATABASE_URL", "postgres://x/y")]).is_ok());
}

#[test]
fn contradictions_are_refused() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("REDIS_URL", "redis://a"), ("REDIS_HOST", "b")], "REDIS_URL"),
        (&[("REDIS_PORT", "1")], "REDIS_PORT"),
        (&[("PUBLIC_URL", "https://a.example"), ("WEB_URL", "https://b.example")], "PUBLIC_URL"),
        (&[("PHONEHUB_JOB_LEASE", "15s")], "PHONEHUB_JOB_LEASE"),
        (&[("PHONEHUB_JOB_LEASE", "16900ms")], "PHONEHUB_JOB_LEASE"),
        (&[("PHONEHUB_CARRIER_TIMEOUT", "30s")], "PHONEHUB_JOB_LEASE"),
        (&[("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "false")], "PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS"),
        (&[("PHONEHUB_SANDBOX_LISTEN", "127.0.0.1:8080")], "PHONEHUB_LISTEN, PHONEHUB_SANDBOX_LISTEN"),
        (
            &[("PHONEHUB_MASTER_KEY", KEY_A), ("PHONEHUB_TOKEN_KEY", KEY_A)],
            "PHONEHUB_MASTER_KEY, PHONEHUB_TOKEN_KEY",
        ),
        (
            &[("PHONEHUB_ACCESS_TOKEN_TTL", "24h"), ("PHONEHUB_REFRESH_TOKEN_TTL", "2h")],
            "PHONEHUB_REFRESH_TOKEN_TTL",
        ),
    ];
    for (pairs, name) in cases {
        assert_eq!(refused(pairs), [*name], "{pairs:?}");
    }
}

#[test]
fn values_out_of_form_are_refused() {
    let cases = [
        ("PHONEHUB_LISTEN", "localhost"),
        ("PHONEHUB_LOG_FORMAT", "xml"),
        ("PHONEHUB_LOG", "phonehub=loud"),
        ("PHONEHUB_WORKERS", "0"),
        ("PHONEHUB_WORKERS", "-1"),
        ("PHONEHUB_JOB_LEASE", "30"),
        ("PHONEHUB_JOB_LEASE", "99999999999999999999d"),
        ("PHONEHUB_SHUTDOWN_GRACE", "30s"),
        ("PHONEHUB_CORS_ORIGINS", "https://a.example/path"),
        ("PHONEHUB_SIGN_UP", "closed"),
        ("PHONEHUB_SQLITE_SYNCHRONOUS", "off"),
        ("PHONEHUB_METRICS_TOKEN", "short"),
        ("REDIS_URL", "http://a"),
        ("PUBLIC_URL", "ftp://a"),
        ("PUBLIC_URL", "https://a.example/?x=1"),
    ];
    for (name, value) in cases {
        assert_eq!(refused(&[(name, value)]), [name], "{name}={value}");
    }
    for url in ["mysql://a/b", "sqlite:", "sqlite::memory:", "postgres://host"] {
        assert_eq!(refused(&production(&[("DATABASE_URL", url)])), ["DATABASE_URL"], "{url}");
    }
}

#[test]
fn twilio_is_seeded_whole_or_not_at_all() {
    let sid = ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001");
    assert_eq!(refused(&[sid]), ["TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER"]);
    let whole = [sid, ("TWILIO_AUTH_TOKEN", "tok"), ("TWILIO_PHONE_NUMBER", "+14155550100")];
    let seed = Config::from_pairs(&whole).unwrap().twilio.unwrap();
    assert_eq!((seed.phone_number.as_str(), seed.base_url), ("+14155550100", None));
    let sandbox = [whole[0], whole[1], whole[2], ("TWILIO_BASE_URL", "http://127.0.0.1:8081")];
    assert_eq!(refused(&production(&sandbox)), ["TWILIO_BASE_URL"]);
    let allowed = [&sandbox[..], &[("PHONEHUB_ALLOW_PRIVATE_CARRIER_URLS", "true")]].concat();
    assert!(Config::from_pairs(&production(&allowed)).is_ok());
}

#[test]
fn redis_can_be_named_by_its_parts() {
    let parts = [("REDIS_HOST", "cache.example"), ("REDIS_PORT", "6380"), ("REDIS_PASSWORD", "p@ss/word")];
    let url = Config::from_pairs(&parts).unwrap().redis.unwrap();
    assert_eq!(url.expose_secret(), "redis://:p%40ss%2Fword@cache.example:6380");
    assert_eq!(refused(&[("REDIS_HOST", "a b")]), ["REDIS_HOST"]);
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "PHONEHUB_WORKERS = 4\nPHONEHUB_CORS_ORIGINS = [\"https://a.example\", \"https://b.example:444\"]\n\
                WEB_URL = \"https://file.example\"\nPHONEHUB_LOG = \"\"\n";
    let vars = [("PUBLIC_URL".to_owned(), "https://env.example".to_owned())];
    let config = Config::load(vars, Some(file)).unwrap();
    assert_eq!(config.delivery.workers, 4);
    assert_eq!(config.door.cors_origins, ["https://a.example", "https://b.example:444"]);
    assert_eq!(config.public_url.host_str(), Some("env.example"));
    assert_eq!(config.log.filter, "info");
}

#[test]
fn a_file_is_as_strict_as_the_environment() {
    let names = |file: &str| -> Vec<String> {
        Config::load([], Some(file)).unwrap_err().into_iter().map(|problem| problem.to_string()).collect()
    };
    assert!(names("PHONEHUB_WORKER = 4")[0].contains("did you mean PHONEHUB_WORKERS?"));
    assert!(names("whatever = 4")[0].starts_with("whatever: no setting"));
    assert!(names("PHONEHUB_WORKERS = 1.5")[0].starts_with("PHONEHUB_WORKERS: write a text"));
    let broken = names("PHONEHUB_WORKERS = 4\nTWILIO_AUTH_TOKEN = canary-secret\"");
    assert_eq!(broken, ["PHONEHUB_CONFIG: line 2 of the file is not TOML."]);
}

#[test]
fn secrets_are_in_no_problem_and_no_debug_text() {
    let broken = problems(&[
        ("DATABASE_URL", "mysql://canary-secret"),
        ("REDIS_URL", "canary-secret"),
        ("PHONEHUB_MASTER_KEY", "k1:canary-secret"),
        ("PHONEHUB_TOKEN_KEY", "canary-secret"),
        ("TWILIO_AUTH_TOKEN", " canary-secret"),
    ]);
    assert!(broken.len() >= 5 && !format!("{broken:?}").contains("canary-secret"), "{broken:?}");
    let config = Config::from_pairs(&production(&[
        ("REDIS_URL", "redis://:canary-secret@a"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", "canary-secret"),
        ("TWILIO_PHONE_NUMBER", "+14155550100"),
        ("PHONEHUB_METRICS_TOKEN", "canary-secret-of-16"),
    ]));
    let shown = format!("{:?}", config.unwrap());
    assert!(!shown.contains("canary-secret") && !shown.contains("pass-word"), "{shown}");
    assert!(!shown.contains("[0, 0,") && !shown.contains("[1, 1,"), "{shown}");
}

#[test]
fn keys_are_parsed_whole_or_refused() {
    let set = KeySet::parse(&format!("{KEY_B},old:{}", &KEY_A[3..])).unwrap();
    assert_eq!(set.iter().map(super::Key::id).collect::<Vec<_>>(), ["k1", "old"]);
    assert_eq!(set.first().bytes(), &[1; 32]);
    assert_eq!(set.get("old").unwrap().bytes(), &[0; 32]);
    for bad in ["", "k1", "k1:AAAA", "K1:x", ":x", &format!("{KEY_A},{KEY_B}"), &format!("{KEY_A},")] {
        assert!(KeySet::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_demo_makes_its_keys_once() {
    let dir = std::env::temp_dir().join(format!("phonehub-keys-{}", uuid::Uuid::now_v7()));
    let config = Config::from_pairs(&[("PHONEHUB_DATA_DIR", dir.to_str().unwrap())]).unwrap();
    let (master, token) = config.keys.resolve().unwrap();
    let (again, _) = config.keys.resolve().unwrap();
    assert_eq!(master.first().bytes(), again.first().bytes());
    assert_ne!(master.first().bytes(), token.first().bytes());
    let mode = std::fs::metadata(&config.keys.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing but the keys is left behind");
    std::fs::write(&config.keys.file, "nonsense").unwrap();
    assert!(config.keys.resolve().is_err(), "a broken file is never replaced by new keys");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn names_in_the_table_are_unique() {
    let mut names: Vec<_> = SETTINGS.iter().flat_map(|s| [Some(s.name), s.alias]).flatten().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn configuration_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(page, reference(), "write it anew: UPDATE_DOCS=1 cargo test configuration_page");
}

//! The Dockerfile and the compose file, as far as they can be held to the program without building an image.

use std::{collections::BTreeMap, fs, process::Command};

use phonehub::config::{Config, SETTINGS};

/// Values for what the compose file takes from its environment.
const GIVEN: [(&str, &str); 7] = [
    ("PHONEHUB_MASTER_KEY", "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("PHONEHUB_TOKEN_KEY", "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("POSTGRES_PASSWORD", "letters1"),
    ("REDIS_PASSWORD", "letters2"),
    ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
    ("TWILIO_AUTH_TOKEN", "any text"),
    ("TWILIO_PHONE_NUMBER", "+12065550140"),
];

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn compose() -> String {
    let text = file("compose.yaml");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    lines.join("\n")
}

/// The lines that stand deeper than the line `head`, which ends with a colon or names an anchor.
fn block<'a>(text: &'a str, head: &str) -> Vec<&'a str> {
    let mut lines = text.lines().skip_while(|line| line.trim() != head);
    let depth = indent(lines.next().unwrap_or_else(|| panic!("no {head}")));
    lines.take_while(|line| line.trim().is_empty() || indent(line) > depth).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What compose would put into a service's environment.
fn environment(service: &str) -> BTreeMap<String, String> {
    let compose = compose();
    let service = block(&compose, &format!("{service}:")).join("\n");
    let mut pairs = BTreeMap::new();
    for line in block(&service, "environment:") {
        if line.trim() == "<<: *carrier" {
            pairs.extend(block(&compose, "x-carrier: &carrier").into_iter().filter_map(pair));
        } else {
            pairs.extend(pair(line));
        }
    }
    pairs
}

fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once(": ")?;
    Some((name.to_owned(), expanded(value.trim_matches('"'))))
}

/// `${NAME:?}` must be given, `${NAME:-default}` need not.
fn expanded(value: &str) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (inside, after) = rest.split_once('}').unwrap();
    let (name, word) = inside.split_once(':').unwrap();
    let given = GIVEN.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let value = given.or(word.strip_prefix('-')).unwrap_or_else(|| panic!("{name} is explained nowhere"));
    format!("{before}{value}{}", expanded(after))
}

fn is_setting(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name || setting.alias == Some(name))
}

#[test]
fn the_compose_file_sets_what_the_program_reads_and_accepts() {
    for service in ["phonehub", "sandbox"] {
        let pairs = environment(service);
        assert!(pairs.len() >= 4, "{pairs:?}");
        let unknown: Vec<_> = pairs.keys().filter(|name| !is_setting(name)).collect();
        assert!(unknown.is_empty(), "{service}: {unknown:?}");
        if let Err(problems) = Config::load(pairs, None) {
            panic!("{service}: {problems:?}");
        }
    }
    let config = Config::load(environment("phonehub"), None).unwrap();
    assert!(!config.demo && config.redis.is_some() && config.twilio.is_some());
    let given = file("compose.yaml");
    for (name, _) in GIVEN {
        assert!(given.contains(&format!("#   {name}=")), "the head of the file explains {name}");
    }
}

#[test]
fn ports_and_commands_of_the_containers_are_the_programs() {
    let (docker, compose) = (file("Dockerfile"), compose());
    let port = Config::load(environment("phonehub"), None).unwrap().listen.port();
    assert!(docker.contains(&format!("\nEXPOSE {port}\n")));
    assert!(block(&compose, "phonehub:").concat().contains(&format!(":{port}\"]")));
    let sandbox = Config::load(environment("sandbox"), None).unwrap().sandbox_listen;
    assert_eq!(environment("phonehub")["TWILIO_BASE_URL"], format!("http://{sandbox}"));
    assert!(
        docker.contains("CMD [\"phonehub\", \"healthcheck\"]")
            && docker.contains("ENTRYPOINT [\"phonehub\"]")
    );
    assert!(block(&compose, "sandbox:").concat().contains("command: [sandbox]"));
    for word in ["healthcheck", "sandbox"] {
        let help = Command::new(env!("CARGO_BIN_EXE_phonehub")).args([word, "--help"]).output().unwrap();
        assert!(help.status.success(), "phonehub {word}");
    }
}

/// What the image is built with and from: the toolchain of the manifest, and nothing that the context leaves out.
#[test]
fn the_image_is_built_with_the_toolchain_that_the_workspace_asks_for() {
    let (docker, manifest) = (file("Dockerfile"), file("Cargo.toml"));
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    assert!(docker.contains(&format!("FROM rust:{}-", version.trim_matches('"'))), "rust {version}");
    for line in docker.lines().filter(|line| line.starts_with("COPY ") && !line.starts_with("COPY --from=")) {
        assert_eq!(line, "COPY . .");
    }
    let left_out = file(".dockerignore");
    for needed in ["src", "entity", "migration", "specs", "schema.graphql", "Cargo.lock"] {
        assert!(!left_out.lines().any(|line| line.trim_matches('/') == needed), "{needed} is left out");
    }
}

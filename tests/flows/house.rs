//! The house's own rules: imports go down only, files stay small.

use std::{fs, path::Path};

/// From the top down; a module may import what stands below it (design.md §3). `sandbox` imports nothing of ours.
const ROOMS: [&str; 8] = ["app", "demo", "api", "features", "graphql", "carriers", "base", "config"];

fn rust_files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn source() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    rust_files(&root, &mut found);
    let prefix = format!("{}/", root.display());
    found.into_iter().map(|(path, text)| (path.replace(&prefix, ""), text)).collect()
}

fn room_of(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

/// Rooms that a file names after `crate::`, alone or in a list.
fn imported(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => {
                rooms.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned());
            }
            Some(list) => {
                let mut depth = 1;
                let mut word = String::new();
                let mut at_start = true;
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => at_start = true,
                        c if depth == 1 && at_start && (c.is_alphanumeric() || c == '_') => word.push(c),
                        c if depth == 1 && at_start && !c.is_whitespace() => at_start = false,
                        _ => {}
                    }
                    if (!at_start || c == ',' || depth == 0) && !word.is_empty() {
                        rooms.push(std::mem::take(&mut word));
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    rooms
}

#[test]
fn imports_go_down_only() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    for (path, text) in source() {
        let room = room_of(&path);
        for target in imported(&text) {
            let allowed = match (room, place(room), place(&target)) {
                ("main" | "cli" | "lib", ..) => true,
                ("sandbox", ..) => target == "sandbox",
                (_, Some(from), Some(to)) => from <= to,
                (_, Some(_), None) => {
                    target == "sandbox" && matches!(room, "app" | "demo") || is_macro(&target)
                }
                _ => false,
            };
            if !allowed {
                wrong.push(format!("{path} imports {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `payload!` and `connection!` are exported at the root.
fn is_macro(target: &str) -> bool {
    matches!(target, "payload" | "connection")
}

#[test]
fn imports_are_read_from_lists_and_paths() {
    let text = "use crate::base::error; use crate::{api::{door, guard}, config, features::messages::send};";
    assert_eq!(imported(text), ["base", "api", "config", "features"]);
}

#[test]
fn no_file_is_past_400_lines() {
    let long: Vec<_> =
        source().into_iter().filter(|(_, text)| text.lines().count() > 400).map(|(path, _)| path).collect();
    assert!(long.is_empty(), "{long:?}");
}

//! What the guard lets through and what it refuses: operations and their shape here, the rest by topic.

mod fragments;
mod properties;
mod rows;
mod text;
mod variables;

use std::fmt::Write as _;

use async_graphql::Variables;
use serde_json::json;

use super::*;

fn guard(source: &str) -> Result<Guarded, Refused> {
    guard_with(source, None, &Variables::default())
}

fn guard_with(source: &str, name: Option<&str>, variables: &Variables) -> Result<Guarded, Refused> {
    let limits = Limits::default();
    check_document(&parse(source, &limits)?, name, variables, &limits)
}

fn code(source: &str) -> RefusedCode {
    guard(source).expect_err("must be refused").code
}

fn variables(value: serde_json::Value) -> Variables {
    Variables::from_json(value)
}

#[test]
fn aliases_root_fields_and_directives() {
    let aliases = (0..10_000).fold(String::new(), |mut all, at| {
        write!(all, "a{at}:b ").unwrap();
        all
    });
    assert_eq!(code(&format!("{{ {aliases} }}")), RefusedCode::TooLarge);
    let nested = (0..51).fold(String::new(), |mut all, at| {
        write!(all, "a{at}:b ").unwrap();
        all
    });
    assert_eq!(code(&format!("{{ x {{ {nested} }} }}")), RefusedCode::TooComplex);
    assert_eq!(code(&format!("{{ {} }}", "__typename ".repeat(1_000))), RefusedCode::TooComplex);
    assert_eq!(code(&format!("{{ {} }}", "...{ a } ".repeat(21))), RefusedCode::TooComplex);
    assert_eq!(code(&format!("{{ a {} }}", "@skip(if: false) ".repeat(11))), RefusedCode::TooComplex);
    assert_eq!(
        code(&format!("{{ a ...f {} }} fragment f on Q {{ b }}", "@x ".repeat(11))),
        RefusedCode::TooComplex
    );
}

#[test]
fn depth_is_wider_below_introspection() {
    let chain = |root: &str, depth: usize| {
        format!("{{ {root} {} {} }}", "{ a ".repeat(depth - 1), "}".repeat(depth - 1))
    };
    assert!(guard(&chain("a", 12)).is_ok());
    assert_eq!(code(&chain("a", 13)), RefusedCode::TooComplex);
    assert!(guard(&chain("__schema", 20)).is_ok());
    assert_eq!(code(&chain("__schema", 21)), RefusedCode::TooComplex);
    assert!(guard("{ ...i } fragment i on Query { __type { a { a { a { a { a { a { a { a { a { a { a { a } } } } } } } } } } } } }").is_ok());
}

#[test]
fn every_operation_of_a_document_is_measured() {
    let deep = format!("query b {} a {}", "{ a ".repeat(20), "}".repeat(20));
    assert!(guard_with(&format!("query a {{ a }} {deep}"), Some("a"), &Variables::default()).is_err());
}

#[test]
fn operations_are_chosen_by_name() {
    let source = "query a { a } mutation b { b } subscription c { c }";
    let kind = |name| guard_with(source, name, &Variables::default()).map(|guarded| guarded.kind);
    assert_eq!(kind(Some("a")), Ok(OperationKind::Query));
    assert_eq!(kind(Some("b")), Ok(OperationKind::Mutation));
    assert_eq!(kind(Some("c")), Ok(OperationKind::Subscription));
    assert!(kind(None).is_err());
    assert!(kind(Some("d")).is_err());
    assert!(guard_with("{ a }", Some("a"), &Variables::default()).is_err());
    assert!(guard_with("query a { a }", None, &Variables::default()).is_ok());
}

#[test]
fn a_subscription_has_one_unconditional_root_field() {
    for source in [
        "subscription { a b }",
        "subscription { ...f } fragment f on S { a b }",
        "subscription { a ... { b } }",
        "subscription { a @skip(if: true) }",
        "subscription { ... @include(if: true) { a } }",
    ] {
        assert_eq!(code(source), RefusedCode::Invalid, "{source}");
    }
    assert!(guard("subscription { ...f } fragment f on S { a { b c @skip(if: true) } }").is_ok());
}

#[test]
fn a_cursor_is_seen_wherever_it_is_written() {
    let resumable = |source: &str, value| guard_with(source, None, &variables(value)).unwrap().resumable;
    assert!(!resumable("subscription { a }", json!({})));
    assert!(!resumable("subscription { a(after: null) }", json!({})));
    assert!(resumable("subscription { a(after: \"c\") }", json!({})));
    let with_variable = "subscription($c: String) { a(after: $c) }";
    assert!(!resumable(with_variable, json!({})));
    assert!(!resumable(with_variable, json!({ "c": null })));
    assert!(resumable(with_variable, json!({ "c": "x" })));
    assert!(resumable("subscription($c: String = \"x\") { a(after: $c) }", json!({})));
    assert!(resumable("subscription { ...f } fragment f on S { ... { a(after: \"c\") } }", json!({})));
}

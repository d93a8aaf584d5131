//! Pages inside pages multiply.

use super::*;

const NESTED: &str = "query($size: Int = 100) { messages(first: $size) { nodes { conversation { messages(first: 100) { \
     nodes { conversation { messages(first: 20) { nodes { id } } } } } } } } }";

#[test]
fn pages_inside_pages_multiply() {
    let refused = guard(NESTED).expect_err("200,000 rows");
    assert_eq!(refused.code, RefusedCode::TooComplex);
    assert!(refused.message.contains("10000 rows"), "{}", refused.message);
    let with = |size: i64| guard_with(NESTED, None, &variables(json!({ "size": size })));
    assert!(with(5).is_ok(), "5 * 100 * 20 are as many as may be");
    assert!(with(6).is_err());
    assert!(with(i64::MAX).is_err());
    assert!(guard_with(NESTED, None, &variables(json!({ "size": null }))).is_err(), "null means 20");
}

#[test]
fn pages_without_a_size_and_in_fragments_count_too() {
    for source in [
        "{ a { nodes { b { edges { node { c { nodes { d { nodes { id } } } } } } } } } }",
        "{ a { ...p } } fragment p on A { nodes { b(last: 100) { edges { node { c(first: 6) { nodes { id } } } } } } }",
        "{ a(first: 100) { nodes { id b(first: 51) { nodes { id } } } edges { node { b(first: 51) { nodes { id } } } } } }",
        "{ nodes(ids: [1, 2, 3]) { a(first: 100) { nodes { b(first: 34) { nodes { id } } } } } }",
    ] {
        assert_eq!(code(source), RefusedCode::TooComplex, "{source}");
    }
    for source in [
        "{ a(first: 100) { nodes { b(first: 100) { nodes { id } } } } }",
        "{ a { nodes { b { edges { node { c { nodes { id } } } } } } } }",
        "{ a { b { c { d { e { f { id } } } } } } }",
    ] {
        assert!(guard(source).is_ok(), "{source}");
    }
}

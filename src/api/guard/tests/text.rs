//! The text before it is parsed: size, brackets, and what may not stand in it.

use super::*;

#[test]
fn nested_brackets_never_reach_the_parser() {
    for (open, close) in [("[", "]"), ("{a:", "}"), ("(", ")")] {
        let source = format!("{{ a(b: {}1{}) }}", open.repeat(2_000), close.repeat(2_000));
        assert_eq!(code(&source), RefusedCode::TooComplex);
    }
    let shallow = format!("{{ a(b: {}1{}) }}", "[".repeat(62), "]".repeat(62));
    assert!(check_source(&shallow, &Limits::default()).is_ok());
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let many = "[".repeat(200);
    for source in [
        format!("{{ a(b: \"{many}\") }}"),
        format!("{{ a(b: \"\\\"{many}\") }}"),
        format!("{{ a(b: \"\"\"{many} \\\"\"\" \" {many}\"\"\") }}"),
        format!("# {many}\n{{ a }} # \"{many}"),
    ] {
        assert!(guard(&source).is_ok(), "{source}");
    }
}

#[test]
fn a_string_cannot_hide_brackets() {
    let many = "[".repeat(200);
    for source in [
        format!("{{ a(b: \"\"\" x\" {many}"),
        format!("{{ a(b: \"x\n{many}"),
        format!("{{ a(b: \"\" {many}"),
        format!("{{ a(b: \"\\\\\" {many}"),
        format!("# \"\r{many}"),
    ] {
        assert!(guard(&source).is_err(), "{source}");
    }
}

#[test]
fn size_tokens_and_syntax() {
    assert_eq!(code(&format!("{{ a(b: \"{}\") }}", "x".repeat(5_000_000))), RefusedCode::TooLarge);
    assert_eq!(code(&format!("{{ {} }}", "a ".repeat(5_000))), RefusedCode::TooLarge);
    assert_eq!(code("{ a"), RefusedCode::Syntax);
    assert_eq!(code(""), RefusedCode::Syntax);
    let refused = guard("{\n  a(b: !)\n}").expect_err("not GraphQL");
    assert_eq!(refused.message, "The document is not valid GraphQL.");
    assert_eq!(refused.location, Some((2, 8)));
}

#[test]
fn nul_is_no_text_wherever_it_stands() {
    for source in [
        r#"{ a(b: "x\u0000y") }"#,
        r#"{ a { b(c: [{ d: "\u0000" }]) } }"#,
        r#"query($v: S = { a: ["\u0000"] }) { a(b: $v) }"#,
        r#"{ a @skip(if: "\u0000") }"#,
        r#"{ ...f } fragment f on Q { ... on Q { a(b: "\u0000") } }"#,
    ] {
        assert_eq!(code(source), RefusedCode::Variable, "{source}");
    }
    for value in [json!("\0"), json!(["a", "b\0"]), json!({ "a": { "b": ["\0"] } }), json!({ "a\0": 1 })] {
        let refused = guard_with("query($v: J) { a(b: $v) }", None, &variables(json!({ "v": value })));
        assert_eq!(refused.map_err(|refused| refused.code), Err(RefusedCode::Variable), "{value}");
    }
    assert!(guard(r#"{ a(b: """\u0000""") }"#).is_ok(), "a block string has no such escape");
}

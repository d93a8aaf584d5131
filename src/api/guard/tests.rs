use std::fmt::Write as _;

use async_graphql::{Value, Variables};
use proptest::prelude::*;
use serde_json::json;

use super::coercion::InputTypes;
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

/// `count` fragments, each spreading the next one twice: 2^count selections in a few hundred bytes.
fn doubling(count: usize) -> String {
    let mut source = "{ ...f0 }".to_owned();
    for at in 0..count {
        write!(source, " fragment f{at} on Query {{ ...f{next} ...f{next} }}", next = at + 1).unwrap();
    }
    write!(source, " fragment f{count} on Query {{ __typename }}").unwrap();
    source
}

#[test]
fn doubling_fragments_are_refused_with_linear_work() {
    let source = doubling(22);
    assert_eq!(code(&source), RefusedCode::TooComplex);

    let limits = Limits { selections: usize::MAX, root_fields: usize::MAX, ..Limits::default() };
    let document = parse(&source, &limits).unwrap();
    let guarded = check_document(&document, None, &Variables::default(), &limits).unwrap();
    assert_eq!(guarded.visited, 22 * 2 + 2);
    assert!(guarded.selections > 1 << 22);
}

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
fn fragment_cycles_are_refused() {
    assert_eq!(code("{ ...a } fragment a on Q { ...a }"), RefusedCode::Invalid);
    assert_eq!(
        code("{ ...a } fragment a on Q { b { ...c } } fragment c on Q { ...a }"),
        RefusedCode::Invalid
    );
    assert_eq!(code("{ x } fragment a on Q { ...b } fragment b on Q { ...a }"), RefusedCode::Invalid);
}

#[test]
fn long_fragment_chains_are_refused_wherever_they_start() {
    let chain = (0..200).fold("{ x }".to_owned(), |mut all, at| {
        write!(all, " fragment f{at} on Q {{ ...f{} }}", at + 1).unwrap();
        all
    });
    assert_eq!(code(&chain), RefusedCode::TooComplex);
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

#[test]
fn variables_are_bounded() {
    let many = (0..100_000).map(|at| (format!("v{at}"), json!(1))).collect::<serde_json::Map<_, _>>();
    let refused = |value| guard_with("{ a }", None, &variables(value)).expect_err("must be refused").code;
    assert_eq!(refused(many.into()), RefusedCode::TooLarge);
    assert_eq!(refused(json!({ "v": vec![1; 10_001] })), RefusedCode::TooLarge);
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refused(json!({ "v": deep })), RefusedCode::TooLarge);
    assert!(guard_with("{ a }", None, &variables(json!({ "v": { "w": [1, 2, "3"] } }))).is_ok());
}

const SDL: &str = r"
    enum Color { RED GREEN }
    input To @oneOf { number: String contactId: ID }
    input Send { to: To! body: String color: Color = RED count: Int! tags: [String!] }
    scalar Phone
    type Query { a(input: Send!): Int }
";

#[test]
fn variables_fit_their_types() {
    let types = InputTypes::from_sdl(SDL).unwrap();
    let document = parse("query q($input: Send!, $n: Int = 3, $p: Phone) { a }", &Limits::default()).unwrap();
    let check = |value| types.check(&document, None, &variables(value)).map_err(|refused| refused.message);
    let good = json!({ "to": { "number": "x" }, "count": 1, "tags": "one" });
    assert_eq!(check(json!({ "input": good, "n": 1, "p": "+1" })), Ok(()));
    for (input, path) in [
        (json!(null), "$input"),
        (json!("x"), "$input"),
        (json!({ "to": { "number": "x" } }), "$input.count"),
        (json!({ "to": { "number": 3 }, "count": 1 }), "$input.to.number"),
        (json!({ "to": { "number": "x", "contactId": "y" }, "count": 1 }), "$input.to"),
        (json!({ "to": { "number": null }, "count": 1 }), "$input.to"),
        (json!({ "to": { "number": "x" }, "count": 3_000_000_000_i64 }), "$input.count"),
        (json!({ "to": { "number": "x" }, "count": 1, "color": "BLUE" }), "$input.color"),
        (json!({ "to": { "number": "x" }, "count": 1, "tags": [null] }), "$input.tags"),
        (json!({ "to": { "number": "x" }, "count": 1, "more": 1 }), "$input.more"),
    ] {
        let message = check(json!({ "input": input })).expect_err("must be refused");
        assert!(message.starts_with(&format!("Variable \"{path}\" ")), "{message}");
    }
    assert!(check(json!({})).is_err());
    assert!(check(json!({ "input": good, "n": null })).is_ok());
}

#[test]
fn a_refusal_never_echoes_a_value() {
    let types = InputTypes::from_sdl(SDL).unwrap();
    let document = parse("query q($n: Int!) { a }", &Limits::default()).unwrap();
    let refused = types.check(
        &document,
        None,
        &Variables::from_value(Value::from_json(json!({"n": "s3cret"})).unwrap()),
    );
    assert!(!refused.expect_err("must be refused").message.contains("s3cret"));
}

fn bracketed() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\\\"\"\"".to_owned()),
        Just("\\".to_owned()),
        Just("#".to_owned()),
        Just("\n".to_owned()),
        Just("a".to_owned()),
        Just("a:".to_owned()),
        Just("é".to_owned()),
        Just("...".to_owned()),
        Just("$a".to_owned()),
    ];
    proptest::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever the lexer lets through, the tree that the parser builds never nests deeper than the cap.
    #[test]
    fn accepted_values_nest_at_most_as_counted(source in bracketed()) {
        let limits = Limits { nesting: 6, ..Limits::default() };
        let document = format!("{{ a(b: {source}) }}");
        if check_source(&document, &limits).is_ok()
            && let Ok(parsed) = async_graphql_parser::parse_query(&document)
        {
            prop_assert!(value_depth(&parsed) <= 6);
        }
    }

    /// Random text never panics, and a refusal is one of ours.
    #[test]
    fn any_text_is_answered(source in "\\PC{0,200}") {
        let _answer = guard(&source);
    }

    /// The guard looks at each selection of the document once, however they multiply.
    #[test]
    fn work_is_linear(count in 1_usize..25, wide in 1_usize..6) {
        let mut source = "{ ...f0 }".to_owned();
        for at in 0..count {
            let spreads = format!("...f{} ", at + 1).repeat(wide);
            write!(source, " fragment f{at} on Q {{ {spreads} }}").unwrap();
        }
        write!(source, " fragment f{count} on Q {{ a }}").unwrap();
        let limits = Limits { selections: usize::MAX, root_fields: usize::MAX, ..Limits::default() };
        let document = parse(&source, &limits).unwrap();
        let guarded = check_document(&document, None, &Variables::default(), &limits).unwrap();
        prop_assert_eq!(guarded.visited, count * wide + 2);
    }
}

fn value_depth(document: &ExecutableDocument) -> usize {
    use async_graphql_parser::types::{Selection, SelectionSet};
    fn value(node: &async_graphql_value::Value) -> usize {
        match node {
            async_graphql_value::Value::List(items) => 1 + items.iter().map(value).max().unwrap_or(0),
            async_graphql_value::Value::Object(fields) => 1 + fields.values().map(value).max().unwrap_or(0),
            _ => 0,
        }
    }
    fn set(node: &SelectionSet) -> usize {
        let depths = node.items.iter().map(|item| match &item.node {
            Selection::Field(field) => {
                let arguments =
                    field.node.arguments.iter().map(|(_, v)| 1 + value(&v.node)).max().unwrap_or(0);
                1 + arguments.max(set(&field.node.selection_set.node))
            }
            Selection::InlineFragment(inline) => 1 + set(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        });
        depths.max().unwrap_or(0)
    }
    document
        .operations
        .iter()
        .map(|(_, operation)| set(&operation.node.selection_set.node))
        .max()
        .unwrap_or(0)
}

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

#[test]
fn fragments_that_chain_are_as_deep_as_what_they_hold() {
    let mut source = "{ ...f0 }".to_owned();
    for at in 0..200 {
        write!(source, " fragment f{at} on Query {{ ...{{ ...f{} }} }}", at + 1).unwrap();
    }
    write!(source, " fragment f200 on Query {{ __typename }}").unwrap();
    assert_eq!(code(&source), RefusedCode::TooComplex);
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

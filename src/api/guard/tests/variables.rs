//! Variables are bounded and fit their types; a refusal says where and never what.

use async_graphql::Value;

use super::*;
use crate::api::guard::coercion::InputTypes;

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

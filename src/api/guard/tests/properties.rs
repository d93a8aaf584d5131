//! What holds for any text: no panic, linear work, and no value deeper than was counted.

use proptest::prelude::*;

use super::*;

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

//! Text that no database of ours takes: PostgreSQL has no U+0000 in text and JSON, so it is refused at the door, in variables and
//! literals alike. What else a text may hold is for whoever reads it.

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql_value::{ConstValue, Name, Value};

use super::{Refused, RefusedCode};

/// Refuses a text with NUL in it.
pub(super) fn check(text: &str) -> Result<(), Refused> {
    if text.contains('\0') {
        let message = "The request has a text with the character NUL (U+0000), which no text may hold.";
        return Err(Refused::new(RefusedCode::Variable, message));
    }
    Ok(())
}

/// Refuses a document with NUL in a string literal: arguments, defaults of variables, and directives. The depth of all of them
/// was bounded by the lexer.
pub(super) fn check_literals(document: &ExecutableDocument) -> Result<(), Refused> {
    for fragment in document.fragments.values() {
        directives(&fragment.node.directives)?;
        set(&fragment.node.selection_set.node)?;
    }
    for (_, operation) in document.operations.iter() {
        directives(&operation.node.directives)?;
        for definition in &operation.node.variable_definitions {
            directives(&definition.node.directives)?;
            definition.node.default_value.as_ref().map_or(Ok(()), |default| constant(&default.node))?;
        }
        set(&operation.node.selection_set.node)?;
    }
    Ok(())
}

fn set(set: &SelectionSet) -> Result<(), Refused> {
    set.items.iter().try_for_each(|item| {
        directives(item.node.directives())?;
        match &item.node {
            Selection::Field(field) => {
                arguments(&field.node.arguments)?;
                self::set(&field.node.selection_set.node)
            }
            Selection::InlineFragment(inline) => self::set(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => Ok(()),
        }
    })
}

fn directives(directives: &[Positioned<Directive>]) -> Result<(), Refused> {
    directives.iter().try_for_each(|directive| arguments(&directive.node.arguments))
}

fn arguments(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> Result<(), Refused> {
    arguments.iter().try_for_each(|(_, value)| literal(&value.node))
}

fn literal(value: &Value) -> Result<(), Refused> {
    match value {
        Value::String(text) => check(text),
        Value::List(items) => items.iter().try_for_each(literal),
        Value::Object(fields) => fields.values().try_for_each(literal),
        _ => Ok(()),
    }
}

fn constant(value: &ConstValue) -> Result<(), Refused> {
    match value {
        ConstValue::String(text) => check(text),
        ConstValue::List(items) => items.iter().try_for_each(constant),
        ConstValue::Object(fields) => fields.values().try_for_each(constant),
        _ => Ok(()),
    }
}

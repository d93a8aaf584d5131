//! Bounds the values of a request's variables and refuses text that cannot be stored. Whether they fit their types is `coercion.rs`'s matter.

use async_graphql::{Value, Variables};

use super::{Limits, Refused, RefusedCode, text};

/// Refuses too many, too deep or too wide variables. The walk stops at the first value past a limit.
pub(super) fn check(variables: &Variables, limits: &Limits) -> Result<(), Refused> {
    if variables.len() > limits.variables {
        return Err(over("variables", limits.variables));
    }
    let mut left = limits.variable_values;
    variables.values().try_for_each(|value| walk(value, limits, 0, &mut left))
}

fn walk(value: &Value, limits: &Limits, depth: usize, left: &mut usize) -> Result<(), Refused> {
    *left = left.checked_sub(1).ok_or_else(|| over("values in its variables", limits.variable_values))?;
    if depth > limits.variable_depth {
        return Err(over("levels in a variable", limits.variable_depth));
    }
    match value {
        Value::List(items) => items.iter().try_for_each(|item| walk(item, limits, depth + 1, left)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            text::check(name)?;
            walk(field, limits, depth + 1, left)
        }),
        Value::String(text) => text::check(text),
        _ => Ok(()),
    }
}

fn over(what: &str, limit: usize) -> Refused {
    Refused::new(RefusedCode::TooLarge, format!("The request has more than {limit} {what}."))
}

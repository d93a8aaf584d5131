//! The limits of a parsed document and the choice of its operation. Type checks belong to the executor's validation.

use async_graphql::Variables;
use async_graphql_parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql_value::{ConstValue, Name, Value};

use super::measure::{Measure, Measurer};
use super::{Limits, Refused, RefusedCode, rows, variables};

/// What the chosen operation will do: HTTP GET allows only queries, and only subscriptions stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Reads.
    Query,
    /// Writes.
    Mutation,
    /// Streams.
    Subscription,
}

/// What is known of a document that may be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// The kind of the operation that will run.
    pub kind: OperationKind,
    /// Whether it is a subscription that asks for events from a cursor on (`after`).
    pub resumable: bool,
    /// Expanded selections of all operations together.
    pub selections: usize,
    /// Selections that the guard itself looked at, never more than the document holds.
    pub visited: usize,
}

/// Refuses a document whose expansion, or whose variables, pass the limits, and picks the operation to run.
///
/// Every operation and every fragment is measured, the unused ones too: validation walks them all.
pub fn check_document(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
    limits: &Limits,
) -> Result<Guarded, Refused> {
    if document.fragments.len() > limits.fragments {
        return Err(over("fragments", limits.fragments));
    }
    let mut measurer = Measurer::new(document, limits);
    for name in document.fragments.keys() {
        let measure = measurer.fragment(name, 0)?;
        // By itself a fragment may lie below `__schema`; the operations that spread it are held to their own depth.
        let deepest = Limits { depth: limits.introspection_depth, ..*limits };
        check_measure(&measure, &deepest)?;
    }
    let mut selections = 0_usize;
    for (_, operation) in document.operations.iter() {
        let measure = check_operation(&mut measurer, &operation.node, limits)?;
        selections = selections.saturating_add(measure.selections);
    }
    if selections > limits.selections {
        return Err(over("selections", limits.selections));
    }
    if measurer.aliases > limits.aliases {
        return Err(over("aliases", limits.aliases));
    }
    let operation = choose(document, operation_name)?;
    variables::check(variables, limits)?;
    rows::check(document, operation, variables, limits)?;
    let resumable = operation.ty == OperationType::Subscription
        && has_cursor(document, operation, &operation.selection_set.node, variables);
    Ok(Guarded { kind: kind(operation.ty), resumable, selections, visited: measurer.visited })
}

fn check_operation<'a>(
    measurer: &mut Measurer<'a>,
    operation: &'a OperationDefinition,
    limits: &Limits,
) -> Result<Measure, Refused> {
    measurer.directives(&operation.directives)?;
    if operation.variable_definitions.len() > limits.variables {
        return Err(over("variables", limits.variables));
    }
    let measure = measurer.set(&operation.selection_set.node, 0)?;
    check_measure(&measure, limits)?;
    if measure.roots > limits.root_fields {
        return Err(over("root fields", limits.root_fields));
    }
    if operation.ty == OperationType::Subscription && (measure.roots != 1 || measure.conditional_root) {
        let message = "A subscription selects exactly one field at its root, without @skip and @include.";
        return Err(Refused::new(RefusedCode::Invalid, message));
    }
    Ok(measure)
}

fn check_measure(measure: &Measure, limits: &Limits) -> Result<(), Refused> {
    if measure.selections > limits.selections {
        return Err(over("selections", limits.selections));
    }
    if measure.depth > limits.depth || measure.introspection_depth > limits.introspection_depth {
        let message = format!("The document selects fields more than {} deep.", limits.depth);
        return Err(Refused::new(RefusedCode::TooComplex, message));
    }
    Ok(())
}

/// The operation that `operation_name` means, by the rule of the specification (`GetOperation`).
pub(super) fn choose<'a>(
    document: &'a ExecutableDocument,
    operation_name: Option<&str>,
) -> Result<&'a OperationDefinition, Refused> {
    let mut operations = document.operations.iter();
    let found = match operation_name {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
        None if operations.len() == 1 => operations.next(),
        None => {
            let message = "The document has several operations: name one in operationName.";
            return Err(Refused::new(RefusedCode::Invalid, message));
        }
    };
    found.map(|(_, operation)| &operation.node).ok_or_else(|| {
        Refused::new(RefusedCode::Invalid, "The document has no operation of this operationName.")
    })
}

/// Whether a root field has an `after` that is not null. Spreads were found to be finite before.
fn has_cursor(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    set: &SelectionSet,
    variables: &Variables,
) -> bool {
    set.items.iter().any(|item| match &item.node {
        Selection::Field(field) => field.node.get_argument("after").is_some_and(|value| match &value.node {
            Value::Null => false,
            Value::Variable(name) => !is_null(operation, name, variables),
            _ => true,
        }),
        Selection::InlineFragment(inline) => {
            has_cursor(document, operation, &inline.node.selection_set.node, variables)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.is_some_and(|fragment| {
                has_cursor(document, operation, &fragment.node.selection_set.node, variables)
            })
        }
    })
}

fn is_null(operation: &OperationDefinition, name: &Name, variables: &Variables) -> bool {
    let definition =
        operation.variable_definitions.iter().find(|definition| definition.node.name.node == *name);
    let default =
        definition.and_then(|definition| definition.node.default_value.as_ref()).map(|value| &value.node);
    variables.get(name).or(default).is_none_or(|value| *value == ConstValue::Null)
}

fn kind(ty: OperationType) -> OperationKind {
    match ty {
        OperationType::Query => OperationKind::Query,
        OperationType::Mutation => OperationKind::Mutation,
        OperationType::Subscription => OperationKind::Subscription,
    }
}

fn over(what: &str, limit: usize) -> Refused {
    Refused::new(RefusedCode::TooComplex, format!("The document has more than {limit} {what}."))
}

//! How many rows the pages of an operation may hold at most, before any is read. It knows no schema: a page is what has `first`
//! or `last`, or selects `nodes` or `edges`. Lists without pages are bounded by their features.

use std::collections::HashMap;

use async_graphql::Variables;
use async_graphql_parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql_value::{ConstValue, Name, Number, Value};

use super::{Limits, Refused, RefusedCode};
use crate::graphql::page;

/// Refuses an operation whose pages could hold more rows than the limit. Spreads were found to be finite before.
pub(super) fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    limits: &Limits,
) -> Result<(), Refused> {
    let mut counter = Counter { document, operation, variables, limits, memo: HashMap::new() };
    if counter.set(&operation.selection_set.node, 0)?.rows > limits.rows {
        let message = format!(
            "The operation asks for more than {} rows: `first` and `last` multiply where connections nest.",
            limits.rows
        );
        return Err(Refused::new(RefusedCode::TooComplex, message));
    }
    Ok(())
}

/// What a selection set reads for each of its objects.
#[derive(Clone, Copy, Default)]
struct Count {
    rows: usize,
    /// Whether it selects `nodes` or `edges`, so that its parent is a page.
    is_page: bool,
}

/// Walks one operation; every fragment body is walked once.
struct Counter<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    limits: &'a Limits,
    memo: HashMap<&'a Name, Count>,
}

impl<'a> Counter<'a> {
    /// Counts a set that lies `level` sets below its operation, fragments expanded: the measure of depth knows each fragment
    /// for itself, and this walk shall not be deeper either.
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Count, Refused> {
        if level > self.limits.nesting {
            let message = format!("The document nests selections more than {} deep.", self.limits.nesting);
            return Err(Refused::new(RefusedCode::TooComplex, message));
        }
        let mut total = Count::default();
        for item in &set.items {
            let count = match &item.node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node, level + 1)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level)?,
            };
            total.rows = total.rows.saturating_add(count.rows);
            total.is_page |= count.is_page;
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Count, Refused> {
        if let Some(known) = self.memo.get(name) {
            return Ok(*known);
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Count::default()) };
        let count = self.set(&fragment.node.selection_set.node, level + 1)?;
        self.memo.insert(name, count);
        Ok(count)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Count, Refused> {
        let inner = self.set(&field.selection_set.node, level + 1)?;
        let is_page = matches!(field.name.node.as_str(), "nodes" | "edges");
        let rows = match self.size(field, inner.is_page) {
            Some(size) => size.saturating_mul(inner.rows.max(1)),
            None => inner.rows,
        };
        Ok(Count { rows, is_page })
    }

    /// Rows of a page, or of a list by `ids`; `None` for a field that is neither.
    fn size(&self, field: &Field, selects_rows: bool) -> Option<usize> {
        if let Some(ConstValue::List(ids)) = self.argument(field, "ids") {
            return Some(ids.len());
        }
        let asked = ["first", "last"].into_iter().find_map(|name| match self.argument(field, name)? {
            ConstValue::Number(number) => Some(size_of(&number)),
            _ => None,
        });
        asked.or_else(|| selects_rows.then_some(rows(page::DEFAULT)))
    }

    fn argument(&self, field: &Field, name: &str) -> Option<ConstValue> {
        let value: Value = field.get_argument(name)?.node.clone();
        value.into_const_with(|variable| self.variable(&variable).ok_or(())).ok()
    }

    fn variable(&self, name: &Name) -> Option<ConstValue> {
        let definitions = &self.operation.variable_definitions;
        let default = || {
            let definition = definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|default| default.node.clone())
        };
        self.variables.get(name).cloned().or_else(default)
    }
}

/// A page is never larger than the largest, whatever is asked; what is no size is refused when it is executed.
fn size_of(number: &Number) -> usize {
    let most = u64::from(page::MOST.unsigned_abs());
    rows(number.as_u64().map_or(most, |size| size.min(most)))
}

fn rows(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

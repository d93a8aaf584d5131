//! What a selection set expands to, with one memo per fragment: the work is linear in the document, whatever
//! the fragments multiply to. It counts only; `document.rs` compares with the limits.

use std::collections::HashMap;

use async_graphql_parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql_parser::{Positioned, types::Directive};
use async_graphql_value::Name;

use super::{Limits, Refused, RefusedCode};

/// The expanded size of a selection set; sums saturate, since doubling fragments overflow any integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measure {
    /// Selections once every spread is expanded.
    pub selections: usize,
    /// Fields directly in this set, spreads and inline fragments expanded.
    pub roots: usize,
    /// Longest chain of fields that does not start with an introspection field.
    pub depth: usize,
    /// Longest chain of fields that starts with `__schema` or `__type`.
    pub introspection_depth: usize,
    /// Whether a field directly in this set may be skipped by a directive.
    pub conditional_root: bool,
}

impl Measure {
    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.roots = self.roots.saturating_add(other.roots);
        self.depth = self.depth.max(other.depth);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.conditional_root |= other.conditional_root;
    }
}

enum Memo {
    Open,
    Done(Measure),
}

/// Walks one document; every fragment body is walked once.
pub(super) struct Measurer<'a> {
    document: &'a ExecutableDocument,
    limits: &'a Limits,
    memo: HashMap<&'a Name, Memo>,
    /// Aliases as written, over everything walked so far.
    pub aliases: usize,
    /// Selections looked at so far: the work of the guard itself.
    pub visited: usize,
}

impl<'a> Measurer<'a> {
    pub fn new(document: &'a ExecutableDocument, limits: &'a Limits) -> Self {
        Self { document, limits, memo: HashMap::new(), aliases: 0, visited: 0 }
    }

    /// Measures a fragment by name; an unknown one measures nothing, since validation reports it by name.
    pub fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Measure, Refused> {
        match self.memo.get(name) {
            Some(Memo::Done(measure)) => return Ok(*measure),
            Some(Memo::Open) => {
                return Err(Refused::new(RefusedCode::Invalid, "A fragment of the document spreads itself."));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Measure::default()) };
        self.directives(&fragment.node.directives)?;
        self.memo.insert(name, Memo::Open);
        let measure = self.set(&fragment.node.selection_set.node, level)?;
        self.memo.insert(name, Memo::Done(measure));
        Ok(measure)
    }

    /// Measures a selection set that lies `level` sets below its definition.
    pub fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Measure, Refused> {
        if level > self.limits.selection_nesting {
            let message =
                format!("The document nests selections more than {} deep.", self.limits.selection_nesting);
            return Err(Refused::new(RefusedCode::TooComplex, message));
        }
        let mut total = Measure::default();
        for selection in &set.items {
            self.visited += 1;
            let measure = self.selection(&selection.node, level)?;
            total.add(&measure);
        }
        Ok(total)
    }

    fn selection(&mut self, selection: &'a Selection, level: usize) -> Result<Measure, Refused> {
        self.directives(selection.directives())?;
        let mut measure = match selection {
            Selection::Field(field) => return self.field(&field.node, level),
            Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node, level + 1)?,
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level + 1)?,
        };
        measure.selections = measure.selections.saturating_add(1);
        measure.conditional_root |= is_conditional(selection.directives());
        Ok(measure)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Measure, Refused> {
        self.aliases += usize::from(field.alias.is_some());
        let inner = self.set(&field.selection_set.node, level + 1)?;
        let depth = 1 + inner.depth.max(inner.introspection_depth);
        let introspects = matches!(field.name.node.as_str(), "__schema" | "__type");
        Ok(Measure {
            selections: inner.selections.saturating_add(1),
            roots: 1,
            depth: if introspects { 0 } else { depth },
            introspection_depth: if introspects { depth } else { 0 },
            conditional_root: is_conditional(&field.directives),
        })
    }

    /// Refuses a place with more directives than the limit; each costs validation a look-up.
    pub fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Refused> {
        if directives.len() > self.limits.directives {
            let message =
                format!("The document has more than {} directives in one place.", self.limits.directives);
            return Err(Refused::new(RefusedCode::TooComplex, message));
        }
        Ok(())
    }
}

fn is_conditional(directives: &[Positioned<Directive>]) -> bool {
    directives.iter().any(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"))
}

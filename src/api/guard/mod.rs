//! What a GraphQL document may cost, decided before anything executes it: HTTP, WebSocket and SSE all pass here.
//! Pure functions over text and syntax trees; no transport, no database and no execution may live here.
//!
//! The order matters. [`check_source`] bounds the text before the recursive parser sees it, [`parse`] parses once,
//! and [`check_document`] bounds what the tree expands to, with one memo per fragment, so that its own work stays
//! linear in the document.

pub mod coercion;
mod document;
mod lexer;
mod limits;
mod measure;
mod rows;
mod text;
mod variables;

pub use document::{Guarded, OperationKind, check_document};
pub use lexer::check_source;
pub use limits::Limits;

use async_graphql_parser::types::ExecutableDocument;

/// Why a document was refused before execution. The text is stable and never the parser's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The code that clients see in `extensions.code`.
    pub code: RefusedCode,
    /// One sentence for the caller.
    pub message: String,
    /// Line and column, both from 1, where the fault is known to lie.
    pub location: Option<(usize, usize)>,
}

/// Every reason that the guard can refuse for; `api::errors` maps each to the published code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedCode {
    /// The text is not GraphQL.
    Syntax,
    /// The text, its tokens, or its variables are larger than the limits.
    TooLarge,
    /// The document nests or expands beyond the limits.
    TooComplex,
    /// The document is GraphQL but no legal operation of it can be chosen.
    Invalid,
    /// A value in the document or its variables cannot be taken, such as one that does not fit its declared type.
    Variable,
}

impl Refused {
    /// A refusal without a known position.
    pub fn new(code: RefusedCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), location: None }
    }
}

/// Parses a document that [`check_source`] let through, so that the recursive parser's stack use is bounded.
pub fn parse(source: &str, limits: &Limits) -> Result<ExecutableDocument, Refused> {
    check_source(source, limits)?;
    let document = async_graphql_parser::parse_query(source).map_err(|error| Refused {
        code: RefusedCode::Syntax,
        message: "The document is not valid GraphQL.".to_owned(),
        location: error.positions().next().map(|at| (at.line, at.column)),
    })?;
    text::check_literals(&document)?;
    Ok(document)
}

#[cfg(test)]
mod tests;

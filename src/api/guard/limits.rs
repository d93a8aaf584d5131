//! The published numbers of the guard and the live transports; nothing here decides, it only states.

use std::time::Duration;

/// What one request, document, socket or organisation may ask for. Shown to clients as `Query.limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one HTTP request body.
    pub body_bytes: usize,
    /// Requests in one HTTP batch.
    pub batch: usize,
    /// Bytes of one document.
    pub document_bytes: usize,
    /// Lexical tokens of one document; comments and commas are free.
    pub tokens: usize,
    /// Open brackets of any kind at one point of the document.
    pub nesting: usize,
    /// Fields below one another, leaf included.
    pub depth: usize,
    /// As `depth`, below `__schema` and `__type`: the standard introspection query needs 15.
    pub introspection_depth: usize,
    /// Selection sets, inline fragments and spreads below one another.
    pub selection_nesting: usize,
    /// Aliases as written in the document.
    pub aliases: usize,
    /// Fields at the root of an operation, fragments expanded.
    pub root_fields: usize,
    /// Directives at one place of the document.
    pub directives: usize,
    /// Selections once every fragment spread is expanded, `__typename` included.
    pub selections: usize,
    /// Rows that the pages of an operation may hold together: sizes multiply where connections nest.
    pub rows: usize,
    /// How long a query or mutation may take before it is given up.
    pub execution: Duration,
    /// Fragment definitions of one document.
    pub fragments: usize,
    /// Variables of one request.
    pub variables: usize,
    /// Scalars, lists and objects inside all variables together.
    pub variable_values: usize,
    /// Lists and objects inside one another in a variable.
    pub variable_depth: usize,
    /// Errors of one response; further ones are dropped.
    pub errors: usize,
    /// Bytes of one message on a socket.
    pub message_bytes: usize,
    /// Running operations of one socket.
    pub operations_per_socket: usize,
    /// Running subscriptions of one organisation in one process.
    pub subscriptions_per_organization: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            batch: 10,
            document_bytes: 64 * 1024,
            tokens: 5_000,
            nesting: 64,
            depth: 12,
            introspection_depth: 20,
            selection_nesting: 32,
            aliases: 50,
            root_fields: 20,
            directives: 10,
            selections: 5_000,
            rows: 10_000,
            execution: Duration::from_secs(30),
            fragments: 250,
            variables: 200,
            variable_values: 10_000,
            variable_depth: 16,
            errors: 20,
            message_bytes: 64 * 1024,
            operations_per_socket: 100,
            subscriptions_per_organization: 10_000,
        }
    }
}

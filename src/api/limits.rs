//! `Query.limits`: what the guard and the transports enforce, so that clients need not find out by trying.

use async_graphql::Object;

use super::guard::Limits;

/// What one request, document, socket or organisation may ask for. Beyond it, the answer is `LIMIT_EXCEEDED` or an HTTP
/// status.
#[derive(Clone, Copy, Debug)]
pub struct PublishedLimits(pub Limits);

/// What one request, document, socket or organisation may ask for. Beyond it, the answer is `LIMIT_EXCEEDED` or an HTTP
/// status.
#[Object(name = "Limits")]
impl PublishedLimits {
    /// Bytes of one HTTP request body.
    async fn body_bytes(&self) -> usize {
        self.0.body_bytes
    }

    /// Requests in one HTTP batch.
    async fn batch(&self) -> usize {
        self.0.batch
    }

    /// Bytes of one document.
    async fn document_bytes(&self) -> usize {
        self.0.document_bytes
    }

    /// Lexical tokens of one document; comments and commas are free.
    async fn tokens(&self) -> usize {
        self.0.tokens
    }

    /// Open brackets of any kind at one point of the document.
    async fn nesting(&self) -> usize {
        self.0.nesting
    }

    /// Fields below one another.
    async fn depth(&self) -> usize {
        self.0.depth
    }

    /// Fields below one another under `__schema` and `__type`.
    async fn introspection_depth(&self) -> usize {
        self.0.introspection_depth
    }

    /// Aliases in one document.
    async fn aliases(&self) -> usize {
        self.0.aliases
    }

    /// Fields at the root of an operation, fragments expanded.
    async fn root_fields(&self) -> usize {
        self.0.root_fields
    }

    /// Directives at one place of the document.
    async fn directives(&self) -> usize {
        self.0.directives
    }

    /// Selections once every fragment is expanded; `__typename` counts.
    async fn selections(&self) -> usize {
        self.0.selections
    }

    /// Rows that the pages of an operation may hold together: `first` and `last` (20 where none is given) multiply where
    /// connections nest.
    async fn rows(&self) -> usize {
        self.0.rows
    }

    /// Seconds that a query or mutation may take before it is given up.
    async fn execution_seconds(&self) -> u64 {
        self.0.execution.as_secs()
    }

    /// Fragment definitions of one document.
    async fn fragments(&self) -> usize {
        self.0.fragments
    }

    /// Variables of one request.
    async fn variables(&self) -> usize {
        self.0.variables
    }

    /// Scalars, lists and objects inside all variables together.
    async fn variable_values(&self) -> usize {
        self.0.variable_values
    }

    /// Lists and objects inside one another in a variable.
    async fn variable_depth(&self) -> usize {
        self.0.variable_depth
    }

    /// Errors of one response; further ones are dropped.
    async fn errors(&self) -> usize {
        self.0.errors
    }

    /// Bytes of one message on a socket.
    async fn message_bytes(&self) -> usize {
        self.0.message_bytes
    }

    /// Running operations of one socket.
    async fn operations_per_socket(&self) -> usize {
        self.0.operations_per_socket
    }

    /// Running subscriptions of one organisation in one process.
    async fn subscriptions_per_organization(&self) -> usize {
        self.0.subscriptions_per_organization
    }
}

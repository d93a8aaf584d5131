//! What all features' GraphQL shares: context, errors, payloads, connections, loaders, scalars. Knows no feature.

use async_graphql::Context;

pub mod connection;
pub mod cursor;
pub mod errors;
pub mod live;
pub mod loader;
pub mod order;
pub mod page;
pub mod payload;
pub mod scalars;

use crate::base::{ctx::Ctx, error::Error};

/// Reaches the request's context from a resolver.
pub trait CtxExt {
    /// Who calls, and the process's handles.
    fn ctx(&self) -> Result<&Ctx, Error>;
}

impl CtxExt for Context<'_> {
    fn ctx(&self) -> Result<&Ctx, Error> {
        self.data::<Ctx>().map_err(|error| Error::internal(error.message))
    }
}

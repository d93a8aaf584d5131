//! The audit log as admins read it: page by page, or whole as JSON lines. It is written by `base::audit` alone.

pub mod export;
pub mod graphql;
pub mod list;

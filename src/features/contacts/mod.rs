//! Contacts: the people an organisation writes to, whether they want that, and the words they answer with.

pub mod find;
pub mod graphql;
pub mod keywords;
mod metadata;
mod notice;
pub mod numbers;
pub mod opt_outs;
#[cfg(test)]
mod tests;
pub mod upsert;

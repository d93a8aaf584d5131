//! The direction of ordered lists, the same for all features.

use async_graphql::Enum;

/// Which end of a list comes first.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum OrderDirection {
    /// Oldest or smallest first.
    Asc,
    /// Newest or largest first.
    Desc,
}

impl OrderDirection {
    /// Whether the newest or largest comes first.
    pub fn is_descending(self) -> bool {
        self == Self::Desc
    }
}

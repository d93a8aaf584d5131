//! Relay connections: one `PageInfo`, edges and nodes, `totalCount` only when it is asked for.

use async_graphql::SimpleObject;

/// Where a page stands in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// More rows follow.
    pub has_next_page: bool,
    /// Rows come before.
    pub has_previous_page: bool,
    /// Cursor of the first edge.
    pub start_cursor: Option<String>,
    /// Cursor of the last edge.
    pub end_cursor: Option<String>,
}

/// Declares a connection and its edge: `connection! { /// Doc. pub ContactConnection, ContactEdge => Contact, contact::Entity }`.
#[macro_export]
macro_rules! connection {
    ($(#[$doc:meta])* pub $connection:ident, $edge:ident => $node:ty, $entity:ty) => {
        $(#[$doc])*
        pub struct $connection {
            page: $crate::graphql::page::Page<$entity>,
            wrap: fn(<$entity as sea_orm::EntityTrait>::Model) -> $node,
        }

        /// One row of the list with its cursor.
        #[derive(async_graphql::SimpleObject)]
        pub struct $edge {
            /// Opaque; for `after` or `before`.
            pub cursor: String,
            /// The row.
            pub node: $node,
        }

        impl $connection {
            /// A page as GraphQL shows it.
            pub fn new(
                page: $crate::graphql::page::Page<$entity>,
                wrap: fn(<$entity as sea_orm::EntityTrait>::Model) -> $node,
            ) -> Self {
                Self { page, wrap }
            }
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $connection {
            /// Rows with their cursors.
            async fn edges(&self) -> Vec<$edge> {
                let edge = |(cursor, row): &(String, _)| $edge {
                    cursor: cursor.clone(),
                    node: (self.wrap)(Clone::clone(row)),
                };
                self.page.rows.iter().map(edge).collect()
            }

            /// The rows alone.
            async fn nodes(&self) -> Vec<$node> {
                self.page.rows.iter().map(|(_, row)| (self.wrap)(row.clone())).collect()
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> $crate::graphql::connection::PageInfo {
                $crate::graphql::connection::PageInfo {
                    has_next_page: self.page.has_next,
                    has_previous_page: self.page.has_previous,
                    start_cursor: self.page.rows.first().map(|(cursor, _)| cursor.clone()),
                    end_cursor: self.page.rows.last().map(|(cursor, _)| cursor.clone()),
                }
            }

            /// Rows of the whole list. Counted only when selected: it costs time on long lists.
            async fn total_count(&self, gql: &async_graphql::Context<'_>) -> async_graphql::Result<u64> {
                let ctx = $crate::graphql::CtxExt::ctx(gql)?;
                Ok($crate::graphql::page::Page::count(self.page.all.clone(), ctx).await?)
            }
        }
    };
}

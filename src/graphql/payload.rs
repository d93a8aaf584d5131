//! Mutation payloads: what was made, or the errors that the caller can expect. One shape for all.

/// Declares a payload: nullable fields for what was made, `userErrors` for what was wrong, and `settle`, which tells
/// expected errors (data) from faults (top-level errors).
///
/// `payload! { /// Doc. pub struct SendMessagePayload { /// Doc. message: Message } }`
#[macro_export]
macro_rules! payload {
    ($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// What was wrong with the input; empty when it worked.
            pub user_errors: Vec<$crate::graphql::errors::UserError>,
        }

        impl $name {
            /// From the service's answer, in the order of the fields. A refusal that goes out as data is noted for the
            /// audit log.
            pub fn settle(
                gql: &async_graphql::Context<'_>,
                result: $crate::base::error::Result<$crate::payload!(@type $($type),*)>,
            ) -> async_graphql::Result<Self> {
                match result {
                    Ok($crate::payload!(@pattern $($field),*)) => Ok(Self { $($field: Some($field),)* user_errors: Vec::new() }),
                    Err(error) if error.code.is_expected() => {
                        $crate::graphql::CtxExt::ctx(gql)?.request.trail.note_refused(error.code);
                        Ok(Self { $($field: None,)* user_errors: vec![error.into()] })
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    };
    // A single field is itself, several are a tuple.
    (@type $one:ty) => { $one };
    (@type $($several:ty),+) => { ($($several),+) };
    (@pattern $one:ident) => { $one };
    (@pattern $($several:ident),+) => { ($($several),+) };
}

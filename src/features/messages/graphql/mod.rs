//! Messages and conversations as GraphQL shows them. Thin: resolvers parse, call one service and wrap.

mod attempt;
mod author;
mod compare;
mod conversation;
mod erasure;
mod event;
mod filter;
mod input;
mod job;
mod loaders;
mod media;
mod message;
mod mutation;
pub mod node;
mod query;
mod subscription;
#[cfg(test)]
mod tests;
mod timeline;

pub use attempt::Attempt;
pub use author::MessageAuthor;
pub use conversation::{
    Conversation, ConversationConnection, ConversationEdge, MessageConnection, MessageEdge,
};
pub use erasure::{EraseContactInput, ErasureMutation, RedactMessageInput};
pub use event::{Event, EventEdge, EventType, public};
pub use filter::{ConversationFilter, MessageFilter, Reading};
pub use job::{Job, JobConnection};
pub use loaders::{ConversationsById, MessagesById};
pub use media::Media;
pub use message::Message;
pub use mutation::MessagesMutation;
pub use query::MessagesQuery;
pub use subscription::MessagesSubscription;
pub use timeline::TimelineEntry;

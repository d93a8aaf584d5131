//! What a subscription's resolver tells the door. Opens nothing itself and knows no feature.

use async_graphql::Context;
use tokio_util::sync::CancellationToken;

/// Says that a subscription's source is open: whatever is committed from now on reaches it. Until then the door
/// answers nothing that the client said after its `subscribe`, so that a client that subscribes and then sends
/// sees the whole life of what it sent.
#[derive(Clone, Debug, Default)]
pub struct Opened(CancellationToken);

impl Opened {
    /// For the door, when there will be no source.
    pub fn mark(&self) {
        self.0.cancel();
    }

    /// Resolves once it was marked.
    pub async fn wait(&self) {
        self.0.cancelled().await;
    }
}

/// Call it in every subscription's resolver, as soon as its stream of events is subscribed to.
pub fn opened(context: &Context<'_>) {
    if let Some(opened) = context.data_opt::<Opened>() {
        opened.mark();
    }
}

//! What a subscriber of `messageStatusChanged` sees, by message.

use std::{collections::HashMap, net::SocketAddr};

use serde_json::json;

use super::socket::Subscription;

const WATCH: &str = "subscription { messageStatusChanged { cursor node { id status } } }";

/// A subscriber that remembers.
pub struct Statuses {
    subscription: Subscription,
    seen: HashMap<String, Vec<String>>,
}

impl Statuses {
    /// Watches from now on.
    pub async fn watch(server: SocketAddr, token: &str) -> Self {
        let mut subscription = Subscription::open(server, token, WATCH, json!({})).await;
        subscription.ready().await;
        Self { subscription, seen: HashMap::new() }
    }

    /// Waits until the message has had this status; it may be over already.
    pub async fn until(&mut self, id: &str, status: &str) {
        while !self.of(id).iter().any(|seen| seen == status) {
            let node = self.subscription.next().await["messageStatusChanged"]["node"].take();
            let (id, status) = (node["id"].as_str().unwrap(), node["status"].as_str().unwrap());
            self.seen.entry(id.to_owned()).or_default().push(status.to_owned());
        }
    }

    /// The statuses of a message so far, in the order of their events.
    pub fn of(&self, id: &str) -> &[String] {
        self.seen.get(id).map_or(&[], Vec::as_slice)
    }
}

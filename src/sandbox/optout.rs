//! The opt-outs that the carrier keeps, by account, sender or messaging service, and contact, and the words
//! that make them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// What a keyword asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Stop,
    Start,
    Help,
}

impl Keyword {
    /// The whole text, trimmed, in any case, must be the word: "STOP PLEASE" is none.
    pub(super) fn of(body: &str) -> Option<Self> {
        match body.trim().to_uppercase().as_str() {
            "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
                Some(Self::Stop)
            }
            "START" | "YES" | "UNSTOP" => Some(Self::Start),
            "HELP" | "INFO" => Some(Self::Help),
            _ => None,
        }
    }

    /// The value of `OptOutType` in an inbound webhook.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    /// What the carrier itself answers the phone.
    pub(super) const fn reply(self) -> &'static str {
        match self {
            Self::Stop => {
                "You have successfully been unsubscribed. You will not receive any more messages from this number. \
                 Reply START to resubscribe."
            }
            Self::Start => {
                "You have successfully been re-subscribed to messages from this number. Reply HELP for help. \
                 Reply STOP to unsubscribe. Msg&Data Rates May Apply."
            }
            Self::Help => "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
        }
    }
}

/// One contact's refusal of one sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Block {
    pub(super) account: String,
    /// The number, or the messaging service that it belongs to.
    pub(super) sender: String,
    pub(super) contact: String,
}

/// Every refusal there is.
#[derive(Debug, Default)]
pub(super) struct OptOuts(HashSet<Block>);

impl OptOuts {
    /// Answers whether this was new.
    pub(super) fn block(&mut self, block: Block) -> bool {
        self.0.insert(block)
    }

    /// Answers whether there was one to lift.
    pub(super) fn lift(&mut self, block: &Block) -> bool {
        self.0.remove(block)
    }

    pub(super) fn has(&self, block: &Block) -> bool {
        self.0.contains(block)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Block> {
        self.0.iter()
    }
}

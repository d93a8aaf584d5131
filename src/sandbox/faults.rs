//! Scripted faults: the rules that a test puts in, and which of them a request or message meets. How one is
//! carried out is in `mishap`, `callbacks` and `inbound`.

use serde::{Deserialize, Serialize};

use super::message::Status;

/// The request that a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    #[default]
    Create,
    List,
    Fetch,
    Update,
    Delete,
    Media,
    Numbers,
    Account,
}

/// Before or after the carrier has taken the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Before,
    After,
    /// Only for `hang`: taken when the time is up, even if the client has gone away meanwhile.
    Late,
}

/// What goes wrong. Faults without parameters are `{}` too, because only then a misspelt one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Fault {
    /// Answer a 4xx with this Twilio code.
    Refuse {
        code: u32,
        #[serde(default = "bad_request")]
        status: u16,
        #[serde(default)]
        message: Option<String>,
    },
    /// Answer 429 with 20429, and `Retry-After` in seconds if given.
    RateLimit {
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Answer a 5xx.
    ServerError {
        when: Stage,
        #[serde(default = "internal_error")]
        status: u16,
    },
    /// Reset the connection.
    Reset { when: Stage },
    /// Say nothing for so many milliseconds. `before`: nothing is taken, then 503. `after`: taken at once,
    /// then the true answer.
    Hang { when: Stage, ms: u64 },
    /// Take the request and answer 201 (or 200) with a body that is no JSON.
    Garbage {},
    /// The message is missing from lists for so many milliseconds.
    ListLag { ms: u64 },
    /// Every status callback comes so many times more.
    DuplicateCallbacks {
        #[serde(default = "one")]
        copies: u32,
    },
    /// The first callback comes after the next one.
    ReorderCallbacks {},
    /// The first callback comes before the create request is answered.
    EarlyCallback {},
    /// Callbacks for these statuses never come; all, if none is named.
    DropCallbacks {
        #[serde(default)]
        statuses: Vec<Status>,
    },
    /// The inbound webhook comes so many times more, with the same `MessageSid`.
    DuplicateInbound {
        #[serde(default = "one")]
        copies: u32,
    },
    /// The carrier shortens the links in the body.
    AlterBody {},
}

const fn bad_request() -> u16 {
    400
}

const fn internal_error() -> u16 {
    500
}

const fn one() -> u32 {
    1
}

/// Which messages a rule is for; what is not said matches all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matching {
    #[serde(default)]
    pub(super) to: Option<String>,
    /// A sender or a messaging service.
    #[serde(default)]
    pub(super) from: Option<String>,
}

/// A rule, as it is put in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) account: Option<String>,
    #[serde(default, rename = "match")]
    pub(super) matching: Matching,
    #[serde(default)]
    pub(super) on: Operation,
    /// How often it strikes; for ever if absent.
    #[serde(default)]
    pub(super) times: Option<u64>,
    /// How likely it strikes where it matches, from 0 to 1; always if absent.
    #[serde(default)]
    pub(super) chance: Option<f64>,
    #[serde(flatten)]
    pub(super) fault: Fault,
}

/// A rule and how often it has struck.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) struck: u64,
    #[serde(flatten)]
    pub(super) rule: Rule,
}

/// What a rule is matched against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    pub(super) operation: Operation,
    pub(super) account: &'a str,
    pub(super) to: Option<&'a str>,
    pub(super) from: Option<&'a str>,
}

/// The faults that travel with a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Script {
    /// Extra copies of each callback.
    pub(super) copies: u32,
    pub(super) reorder: bool,
    /// Statuses whose callback is swallowed; an empty list means all.
    pub(super) dropped: Option<Vec<Status>>,
}

impl Script {
    pub(super) fn drops(&self, status: Status) -> bool {
        self.dropped.as_ref().is_some_and(|statuses| statuses.is_empty() || statuses.contains(&status))
    }
}

/// All that goes wrong with a message that is being accepted.
#[derive(Debug, Default)]
pub(super) struct MessageFaults {
    pub(super) script: Script,
    pub(super) early: bool,
    /// Milliseconds.
    pub(super) list_lag: Option<u64>,
    pub(super) alter_body: bool,
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<Active>,
    last_id: u64,
}

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) -> u64 {
        self.last_id += 1;
        self.rules.push(Active { id: self.last_id, struck: 0, rule });
        self.last_id
    }

    pub(super) fn all(&self) -> &[Active] {
        &self.rules
    }

    /// Answers whether there was such a rule.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.id != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that befalls a request as such: the first one that matches.
    pub(super) fn strike_request(&mut self, occasion: Occasion<'_>) -> Option<Fault> {
        self.rules.iter_mut().find_map(|active| active.strike(Fault::is_of_request, occasion))
    }

    /// Everything that befalls a message that is about to be accepted.
    pub(super) fn strike_message(&mut self, occasion: Occasion<'_>) -> MessageFaults {
        let mut faults = MessageFaults::default();
        for active in &mut self.rules {
            match active.strike(Fault::is_of_message, occasion) {
                Some(Fault::ListLag { ms }) => faults.list_lag = Some(ms),
                Some(Fault::DuplicateCallbacks { copies }) => faults.script.copies = copies,
                Some(Fault::ReorderCallbacks {}) => faults.script.reorder = true,
                Some(Fault::DropCallbacks { statuses }) => faults.script.dropped = Some(statuses),
                Some(Fault::EarlyCallback {}) => faults.early = true,
                Some(Fault::AlterBody {}) => faults.alter_body = true,
                _ => {}
            }
        }
        faults
    }

    /// Extra copies of an inbound webhook.
    pub(super) fn strike_inbound(&mut self, occasion: Occasion<'_>) -> u32 {
        let struck = self.rules.iter_mut().find_map(|active| active.strike(Fault::is_of_inbound, occasion));
        match struck {
            Some(Fault::DuplicateInbound { copies }) => copies,
            _ => 0,
        }
    }
}

impl Fault {
    const fn is_of_request(&self) -> bool {
        !self.is_of_message() && !self.is_of_inbound()
    }

    const fn is_of_message(&self) -> bool {
        matches!(
            self,
            Self::ListLag { .. }
                | Self::DuplicateCallbacks { .. }
                | Self::ReorderCallbacks {}
                | Self::EarlyCallback {}
                | Self::DropCallbacks { .. }
                | Self::AlterBody {}
        )
    }

    const fn is_of_inbound(&self) -> bool {
        matches!(self, Self::DuplicateInbound { .. })
    }
}

impl Active {
    /// Uses the rule up once, if it is of the kind and matches.
    fn strike(&mut self, kind: fn(&Fault) -> bool, occasion: Occasion<'_>) -> Option<Fault> {
        let rule = &self.rule;
        let same = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let spent = rule.times.is_some_and(|times| self.struck >= times);
        let meets = kind(&rule.fault)
            && (rule.on == occasion.operation || !rule.fault.is_of_request())
            && same(&rule.account, Some(occasion.account))
            && same(&rule.matching.to, occasion.to)
            && same(&rule.matching.from, occasion.from);
        if spent || !meets || rule.chance.is_some_and(|chance| rand::random::<f64>() >= chance) {
            return None;
        }
        self.struck += 1;
        Some(self.rule.fault.clone())
    }
}

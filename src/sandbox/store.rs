//! The messages that the carrier knows: a ring by order of acceptance, indexed by SID and by either party,
//! journaled on every change. No rule of Twilio's is in here.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::Arc,
};

use chrono::{DateTime, NaiveTime, Utc};

use super::{
    clock::{self, When},
    journal::{self, Entry, Journal, Place, Recorded},
    message::{Direction, Message},
    numbers::NumberState,
    optout::{Block, OptOuts},
    paging::{Cursor, Page, PageRequest},
};

/// How much media may be kept in memory, in bytes of Base64.
const MEDIA_BUDGET: usize = 64 << 20;

/// Messages and opt-outs. All of it is behind one short lock.
pub(super) struct Store {
    messages: BTreeMap<u64, Arc<Message>>,
    by_sid: HashMap<String, u64>,
    by_party: HashMap<String, VecDeque<u64>>,
    opt_outs: OptOuts,
    /// What clients have configured, by the SID of the number; it outlives a restart here, and is in use in `accounts`.
    numbers: HashMap<String, NumberState>,
    media_bytes: usize,
    next: u64,
    capacity: usize,
    journal: Journal,
}

/// Which messages a list asks for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) account: Option<String>,
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) direction: Option<Direction>,
    pub(super) sent: Vec<SentBound>,
    /// Hides what a scripted lag keeps out of lists until this moment is passed.
    pub(super) listed_at: Option<DateTime<Utc>>,
}

/// One `DateSent` filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SentBound {
    On(When),
    UpTo(When),
    Since(When),
}

impl SentBound {
    fn holds(self, sent: DateTime<Utc>) -> bool {
        let order = |when| match when {
            When::Day(day) => sent.date_naive().cmp(&day),
            When::Moment(at) => sent.timestamp().cmp(&at.timestamp()),
        };
        match self {
            // The official packages write a day as its midnight.
            Self::On(When::Moment(at)) if at.time() == NaiveTime::MIN => sent.date_naive() == at.date_naive(),
            Self::On(when) => order(when).is_eq(),
            Self::UpTo(when) => order(when).is_le(),
            Self::Since(when) => order(when).is_ge(),
        }
    }
}

impl Filter {
    fn holds(&self, message: &Message) -> bool {
        self.account.as_ref().is_none_or(|account| *account == message.account)
            && self.to.as_ref().is_none_or(|to| *to == message.to)
            && self.from.as_ref().is_none_or(|from| Some(from) == message.from.as_ref())
            && self.direction.is_none_or(|direction| direction == message.direction)
            && (self.listed_at.zip(message.listed_from)).is_none_or(|(now, from)| now >= from)
            && self.sent.iter().all(|bound| message.sent.is_some_and(|sent| bound.holds(sent)))
    }
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            messages: BTreeMap::new(),
            by_sid: HashMap::new(),
            by_party: HashMap::new(),
            opt_outs: OptOuts::default(),
            numbers: HashMap::new(),
            media_bytes: 0,
            next: 1,
            capacity: capacity.max(1),
            journal: Journal::default(),
        }
    }

    /// Takes what the journal holds and goes on writing it.
    pub(super) fn remember(&mut self, place: Place) -> io::Result<()> {
        for entry in journal::read(&place.path)? {
            match entry {
                Recorded::Message(message) => self.put(*message),
                Recorded::Deleted(sid) => drop(self.take(&sid)),
                Recorded::Block(block) => drop(self.opt_outs.block(block)),
                Recorded::Lift(block) => drop(self.opt_outs.lift(&block)),
                Recorded::Number(number) => drop(self.numbers.insert(number.sid.clone(), *number)),
                Recorded::Reset => self.forget_all(),
            }
        }
        self.rewrite(place)
    }

    fn rewrite(&mut self, place: Place) -> io::Result<()> {
        let messages = self.messages.values().map(|message| Entry::Message(message));
        let blocks = self.opt_outs.all().map(Entry::Block);
        let numbers = self.numbers.values().map(Entry::Number);
        self.journal = journal::rewrite(place, messages.chain(blocks).chain(numbers))?;
        Ok(())
    }

    /// Comes after the change itself, because a rewritten journal holds what is true by then.
    fn write_down(&mut self, entry: &Entry<'_>) {
        self.journal.write(entry);
        let rewritten = self.journal.bloated().map_or(Ok(()), |place| self.rewrite(place));
        if let Err(error) = rewritten {
            tracing::warn!(%error, "sandbox journal could not be rewritten and goes on growing");
        }
    }

    /// The numbers that clients have configured.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &NumberState> {
        self.numbers.values()
    }

    pub(super) fn configure(&mut self, number: &NumberState) {
        self.numbers.insert(number.sid.clone(), number.clone());
        self.write_down(&Entry::Number(number));
    }

    fn put(&mut self, message: Message) {
        self.next = self.next.max(message.seq + 1);
        drop(self.take(&message.sid));
        self.insert(Arc::new(message));
    }

    fn insert(&mut self, message: Arc<Message>) {
        self.index(&message);
        self.media_bytes += message.media.iter().map(super::message::Media::kept_bytes).sum::<usize>();
        self.by_sid.insert(message.sid.clone(), message.seq);
        self.messages.insert(message.seq, message);
        while self.messages.len() > self.capacity {
            let Some(oldest) = self.messages.values().next().map(|message| message.sid.clone()) else {
                break;
            };
            self.take(&oldest);
        }
    }

    fn index(&mut self, message: &Message) {
        for party in std::iter::once(&message.to).chain(&message.from) {
            let positions = self.by_party.entry(party.clone()).or_default();
            if let Err(place) = positions.binary_search(&message.seq) {
                positions.insert(place, message.seq);
            }
        }
    }

    fn take(&mut self, sid: &str) -> Option<Arc<Message>> {
        let message = self.messages.remove(&self.by_sid.remove(sid)?)?;
        self.media_bytes -= message.media.iter().map(super::message::Media::kept_bytes).sum::<usize>();
        for party in std::iter::once(&message.to).chain(&message.from) {
            let Some(positions) = self.by_party.get_mut(party) else { continue };
            if let Ok(place) = positions.binary_search(&message.seq) {
                positions.remove(place);
            }
            if positions.is_empty() {
                self.by_party.remove(party);
            }
        }
        Some(message)
    }

    /// Keeps a new message and gives it its place.
    pub(super) fn add(&mut self, mut message: Message) -> Arc<Message> {
        message.seq = self.next;
        self.next += 1;
        let message = Arc::new(message);
        self.insert(message.clone());
        self.write_down(&Entry::Message(&message));
        message
    }

    pub(super) fn has_room_for_media(&self, bytes: usize) -> bool {
        self.media_bytes + bytes <= MEDIA_BUDGET
    }

    pub(super) fn get(&self, sid: &str) -> Option<Arc<Message>> {
        self.messages.get(self.by_sid.get(sid)?).cloned()
    }

    /// Changes a message that still exists, unless `change` declines by answering `None`.
    pub(super) fn update<T>(
        &mut self,
        sid: &str,
        change: impl FnOnce(&mut Message) -> Option<T>,
    ) -> Option<(Arc<Message>, T)> {
        let seq = *self.by_sid.get(sid)?;
        let message = Arc::make_mut(self.messages.get_mut(&seq)?);
        let sender_known = message.from.is_some();
        let result = change(message)?;
        message.updated = clock::now();
        let message = self.messages.get(&seq)?.clone();
        self.write_down(&Entry::Message(&message));
        if !sender_known {
            self.index(&message);
        }
        Some((message, result))
    }

    pub(super) fn delete(&mut self, sid: &str) {
        if self.take(sid).is_some() {
            self.write_down(&Entry::Deleted(sid));
        }
    }

    /// Newest first.
    pub(super) fn newest<'a>(
        &'a self,
        filter: &'a Filter,
    ) -> Box<dyn DoubleEndedIterator<Item = &'a Arc<Message>> + 'a> {
        let indexed = [&filter.to, &filter.from].into_iter().flatten();
        let positions =
            indexed.map(|party| self.by_party.get(party)).min_by_key(|found| found.map_or(0, VecDeque::len));
        let holds = |message: &&'a Arc<Message>| filter.holds(message);
        match positions {
            None => Box::new(self.messages.values().rev().filter(holds)),
            Some(None) => Box::new(std::iter::empty()),
            Some(Some(found)) => {
                Box::new(found.iter().rev().filter_map(|seq| self.messages.get(seq)).filter(holds))
            }
        }
    }

    /// One page of a list.
    pub(super) fn page(&self, filter: &Filter, request: PageRequest) -> Page<Arc<Message>> {
        let size = request.size;
        let newest = self.newest(filter);
        let mut items: Vec<_> = match request.cursor {
            Cursor::Skip(count) => newest.skip(count).take(size + 1).cloned().collect(),
            Cursor::After(seq) => {
                newest.skip_while(|message| message.seq >= seq).take(size + 1).cloned().collect()
            }
            Cursor::Before(seq) => {
                let newer = newest.rev().skip_while(|message| message.seq <= seq).take(size);
                let mut items: Vec<_> = newer.cloned().collect();
                items.reverse();
                return Page { items, more: true };
            }
        };
        let more = items.len() > size;
        items.truncate(size);
        Page { items, more }
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.opt_outs.block(block.clone());
        self.write_down(&Entry::Block(block));
    }

    /// Answers whether there was one to lift.
    pub(super) fn lift(&mut self, block: &Block) -> bool {
        let lifted = self.opt_outs.lift(block);
        if lifted {
            self.write_down(&Entry::Lift(block));
        }
        lifted
    }

    pub(super) fn is_blocked(&self, block: &Block) -> bool {
        self.opt_outs.has(block)
    }

    /// Forgets messages and opt-outs, for good.
    pub(super) fn reset(&mut self) {
        self.forget_all();
        self.write_down(&Entry::Reset);
    }

    fn forget_all(&mut self) {
        self.messages.clear();
        self.by_sid.clear();
        self.by_party.clear();
        self.opt_outs = OptOuts::default();
        self.media_bytes = 0;
    }
}

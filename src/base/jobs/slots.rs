//! The slots of one process: who holds them and how many the next claim may take. Decides nothing about which jobs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use entity::{ids::OrganizationId, job};
use tokio::sync::Notify;

use super::BACKGROUND;

/// An organisation holds at most this many times the slots that are left free, so that whoever comes next finds one
/// ("dynamic threshold", Choudhury and Hahne 1998): alone it gets three quarters, two get three sevenths each.
const SHARE: usize = 3;
/// Of the runs that take long, at most so many times the slots go on without one.
const OVERDUE: usize = 4;
/// One of so many slots is kept for work that nobody waits for.
const RESERVE: usize = 8;

/// All slots of a worker.
#[derive(Debug)]
pub(super) struct Slots {
    total: usize,
    held: Mutex<Held>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Held {
    /// All runs, those without a slot included: they are within the organisation's share.
    by: HashMap<OrganizationId, usize>,
    background: usize,
    overdue: usize,
}

impl Held {
    fn all(&self) -> usize {
        self.by.values().sum::<usize>() - self.overdue
    }
}

/// What the next claim may take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// At most so many jobs, whosesoever they are.
    pub limit: usize,
    /// So many of them go to the background first.
    pub background: usize,
    /// These organisations hold their share and get none.
    pub full: Vec<OrganizationId>,
}

/// One held slot; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    organization: OrganizationId,
    background: bool,
    overdue: bool,
}

impl Slots {
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, held: Mutex::default(), released: Notify::new() })
    }

    /// Holds a slot for a claimed job.
    pub(super) fn take(self: &Arc<Self>, job: &job::Model) -> Slot {
        let (organization, background) = (job.organization_id, job.priority == BACKGROUND);
        let mut held = self.held();
        *held.by.entry(organization).or_default() += 1;
        held.background += usize::from(background);
        Slot { slots: self.clone(), organization, background, overdue: false }
    }

    /// `None` while all are held.
    pub(super) fn room(&self) -> Option<Room> {
        let held = self.held();
        let free = self.total.saturating_sub(held.all());
        if free == 0 {
            return None;
        }
        let may_take = |has: usize| (SHARE * free).saturating_sub(has) / (SHARE + 1);
        let full: Vec<_> =
            held.by.iter().filter(|(_, has)| may_take(**has) == 0).map(|(id, _)| *id).collect();
        let most = held.by.values().max().copied().unwrap_or(0);
        let limit = if full.is_empty() { may_take(most).max(1) } else { free };
        let reserve = (self.total / RESERVE).max(1).min(self.total - 1);
        Some(Room { limit, background: reserve.saturating_sub(held.background).min(limit), full })
    }

    /// Until a run goes on without its slot.
    pub(super) async fn released(&self) {
        self.released.notified().await;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no panic holds it")
    }
}

impl Slot {
    /// Frees the slot of a run that takes long, as one whose carrier does not answer, so that it holds up nobody else.
    /// The run still counts for its organisation. Changes nothing while too many run so.
    pub(super) fn release(&mut self) {
        let mut held = self.slots.held();
        if !self.overdue && held.overdue < OVERDUE * self.slots.total {
            held.overdue += 1;
            self.overdue = true;
            held.background -= usize::from(std::mem::take(&mut self.background));
            drop(held);
            self.slots.released.notify_one();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.held();
        held.background -= usize::from(self.background);
        held.overdue -= usize::from(self.overdue);
        if let Some(has) = held.by.get_mut(&self.organization) {
            *has -= 1;
            if *has == 0 {
                held.by.remove(&self.organization);
            }
        }
    }
}

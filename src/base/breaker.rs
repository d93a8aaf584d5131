//! A circuit breaker: after several failures in a row a broken service is left alone for a while, and one that answers
//! nothing gets no more calls than so many at a time. It keeps no clock; callers bring the instant.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Breakers of accounts that nobody uses just now and that failed lately or not at all; beyond it the latter are forgotten.
const IDLE: usize = 10_000;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open the first time; doubled after each failed probe.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_at_most: Duration,
    /// How long a probe may take before another one is let through: no less than the request's time-out.
    pub probe_for: Duration,
    /// A call that lasts longer is unanswered.
    pub patience: Duration,
    /// While so many calls are unanswered there are no more.
    pub unanswered: usize,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(2),
            open_at_most: Duration::from_mins(1),
            probe_for: Duration::from_secs(20),
            patience: Duration::from_secs(1),
            unanswered: 32,
        }
    }
}

/// One breaker guards one account at one service.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

/// One breaker a carrier account: one bad account does not slow another organisation.
#[derive(Debug)]
pub struct Breakers {
    settings: BreakerSettings,
    known: Mutex<HashMap<String, Arc<Breaker>>>,
}

impl Breakers {
    /// No breakers yet. `timeout` is the requests' own: a probe may take as long.
    pub fn new(timeout: Duration) -> Self {
        let settings = BreakerSettings { probe_for: timeout, ..BreakerSettings::default() };
        Self { settings, known: Mutex::default() }
    }

    /// The account's breaker, closed at first.
    pub fn of(&self, account: &str) -> Arc<Breaker> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = known.get(account) {
            return breaker.clone();
        }
        if known.len() >= IDLE {
            known.retain(|_, breaker| Arc::strong_count(breaker) > 1 || !breaker.is_quiet());
        }
        let breaker = Arc::new(Breaker::new(self.settings));
        known.insert(account.to_owned(), breaker.clone());
        breaker
    }
}

/// The right to try once; `record` it. One that is never recorded (a cancelled request) counts for nothing.
#[derive(Debug)]
#[must_use = "the outcome of an admitted try must be recorded"]
pub struct Admission {
    breaker: Arc<Breaker>,
    generation: u64,
    call: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.breaker.lock().calls.remove(&self.call);
    }
}

/// The breaker lets nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service failed or did not answer repeatedly and is left alone for {} s", retry_after.as_secs_f32().ceil())]
pub struct BreakerOpen {
    /// When the next try may be let through.
    pub retry_after: Duration,
}

/// What an outcome did to a breaker. One whose probe failed stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Tries are refused from now on.
    Opened,
    /// Tries are let through freely again.
    Closed,
}

#[derive(Debug)]
struct State {
    /// Raised whenever the phase changes, so that late outcomes of an earlier phase count for nothing.
    generation: u64,
    phase: Phase,
    /// The calls under way, in the order of their beginnings.
    calls: BTreeMap<u64, Instant>,
    next_call: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Instant, open_for: Duration },
    Probing { until: Instant, open_for: Duration },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        let phase = Phase::Closed { failures: 0 };
        Self {
            settings,
            state: Mutex::new(State { generation: 0, phase, calls: BTreeMap::new(), next_call: 0 }),
        }
    }

    /// Nothing is remembered here that a new one would not know.
    fn is_quiet(&self) -> bool {
        matches!(self.lock().phase, Phase::Closed { failures: 0 })
    }

    /// Asks whether to try at all. While half open, one try at a time is let through.
    pub fn admit(self: &Arc<Self>, now: Instant) -> Result<Admission, BreakerOpen> {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed { .. }
                if state.unanswered(now, self.settings.patience) >= self.settings.unanswered =>
            {
                return Err(BreakerOpen { retry_after: self.settings.patience });
            }
            Phase::Closed { .. } => {}
            Phase::Open { until, .. } | Phase::Probing { until, .. } if now < until => {
                return Err(BreakerOpen { retry_after: until - now });
            }
            Phase::Open { open_for, .. } | Phase::Probing { open_for, .. } => {
                state.enter(Phase::Probing { until: now + self.settings.probe_for, open_for });
            }
        }
        let (generation, call) = (state.generation, state.next_call);
        state.next_call += 1;
        state.calls.insert(call, now);
        drop(state);
        Ok(Admission { breaker: self.clone(), generation, call })
    }

    /// Records how an admitted try ended: `healthy` when the service answered at all, a refusal included. Says when
    /// that changed the breaker, for whoever counts the open ones.
    #[expect(clippy::needless_pass_by_value, reason = "an admission is used up by its outcome")]
    pub fn record(&self, admission: Admission, healthy: bool, now: Instant) -> Option<Change> {
        let mut state = self.lock();
        if admission.generation != state.generation {
            return None;
        }
        match (state.phase, healthy) {
            (Phase::Closed { .. }, true) => state.phase = Phase::Closed { failures: 0 },
            (Phase::Closed { failures }, false) if failures + 1 < self.settings.failures => {
                state.phase = Phase::Closed { failures: failures + 1 };
            }
            (Phase::Closed { .. }, false) => {
                state.open(self.settings.open_for, now);
                return Some(Change::Opened);
            }
            (Phase::Probing { .. }, true) => {
                state.enter(Phase::Closed { failures: 0 });
                return Some(Change::Closed);
            }
            (Phase::Probing { open_for, .. }, false) => {
                state.open((open_for * 2).min(self.settings.open_at_most), now);
            }
            (Phase::Open { .. }, _) => {}
        }
        None
    }

    /// Whether tries are let through freely; for health pages.
    pub fn is_closed(&self) -> bool {
        matches!(self.lock().phase, Phase::Closed { .. })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unanswered(&self, now: Instant, patience: Duration) -> usize {
        self.calls.values().take_while(|since| now.saturating_duration_since(**since) >= patience).count()
    }

    fn open(&mut self, open_for: Duration, now: Instant) {
        self.enter(Phase::Open { until: now + open_for, open_for });
    }

    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.phase = phase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn closed(settings: BreakerSettings) -> Arc<Breaker> {
        Arc::new(Breaker::new(settings))
    }

    fn opened(now: Instant) -> Arc<Breaker> {
        let breaker = closed(BreakerSettings::default());
        for _ in 0..5 {
            let admission = breaker.admit(now).expect("still closed");
            breaker.record(admission, false, now);
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = closed(BreakerSettings::default());
        for round in 0..20 {
            let admission = breaker.admit(now).expect("never five in a row");
            assert_eq!(breaker.record(admission, round % 5 == 4, now), None);
        }
        assert!(breaker.is_closed());
        let refused = opened(now).admit(now + seconds(1)).expect_err("open");
        assert_eq!(refused.retry_after, seconds(1));
    }

    #[test]
    fn one_probe_at_a_time_closes_it_or_doubles_the_wait() {
        let now = Instant::now();
        let breaker = opened(now);
        let probe = breaker.admit(now + seconds(2)).expect("a probe");
        assert!(breaker.admit(now + seconds(2)).is_err(), "one probe only");
        assert_eq!(breaker.record(probe, false, now + seconds(3)), None, "it stays open");
        assert_eq!(breaker.admit(now + seconds(3)).expect_err("open again").retry_after, seconds(4));
        let probe = breaker.admit(now + seconds(7)).expect("the next probe");
        assert_eq!(breaker.record(probe, true, now + seconds(7)), Some(Change::Closed));
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_lost_probe_does_not_block_for_ever() {
        let now = Instant::now();
        let breaker = opened(now);
        let lost = breaker.admit(now + seconds(2)).expect("a probe");
        let second = breaker.admit(now + seconds(22)).expect("another, once the first is overdue");
        assert_eq!(breaker.record(lost, false, now + seconds(23)), None);
        assert_eq!(breaker.record(second, true, now + seconds(24)), Some(Change::Closed));
        assert!(breaker.is_closed(), "the overdue outcome counts for nothing");
    }

    #[test]
    fn late_outcomes_of_earlier_tries_do_not_close_it() {
        let now = Instant::now();
        let breaker = closed(BreakerSettings { failures: 1, ..BreakerSettings::default() });
        let slow = breaker.admit(now).expect("closed");
        let failing = breaker.admit(now).expect("closed");
        assert_eq!(breaker.record(failing, false, now), Some(Change::Opened));
        assert_eq!(breaker.record(slow, true, now), None);
        assert!(!breaker.is_closed());
    }

    #[test]
    fn a_service_that_answers_nothing_gets_no_more_calls() {
        let now = Instant::now();
        let breaker = closed(BreakerSettings { unanswered: 3, ..BreakerSettings::default() });
        let mut calls: Vec<_> = (0..3).map(|_| breaker.admit(now).expect("closed")).collect();
        drop(breaker.admit(now + seconds(1) / 2).expect("they are young"));
        let refused = breaker.admit(now + seconds(1)).expect_err("three wait");
        assert_eq!(refused.retry_after, seconds(1));
        assert!(breaker.is_closed(), "nothing failed");
        let answered = calls.pop().expect("three");
        assert_eq!(breaker.record(answered, true, now + seconds(1)), None);
        let next = breaker.admit(now + seconds(1)).expect("one was answered");
        drop(calls);
        drop(next);
        assert!(breaker.lock().calls.is_empty(), "cancelled calls are forgotten");
    }
}

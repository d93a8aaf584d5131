//! When a failed delivery is tried again, and when an endpoint is given up. Pure.

use std::time::Duration;

/// Pauses after the first, second, … failed attempt; after the last one the delivery is given up.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];
/// A `Retry-After` is believed up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// An endpoint that nothing worked with for so long is switched off.
pub const PATIENCE: chrono::Duration = chrono::Duration::days(5);

/// How long to wait after so many failed attempts; `None` when it was the last one. Up to a fifth is added by chance
/// (`jitter` from 0 to 1), so that what failed together does not come back together. A longer `Retry-After` is honoured.
pub fn pause(tries: i32, jitter: f64, retry_after: Option<Duration>) -> Option<Duration> {
    let usual = *PAUSES.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let pause = usual + usual.mul_f64(jitter.clamp(0.0, 1.0) / 5.0);
    Some(pause.max(retry_after.unwrap_or_default().min(LONGEST_WAIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_seconds_to_hours_and_end() {
        let seconds: Vec<_> =
            (1..=8).map(|tries| pause(tries, 0.0, None).map(|pause| pause.as_secs())).collect();
        let hour = 3_600;
        let expected = [5, 300, 1_800, 2 * hour, 5 * hour, 10 * hour, 10 * hour].map(Some);
        assert_eq!(seconds[..7], expected);
        assert_eq!(seconds[7], None);
        assert_eq!(pause(0, 0.0, None), None);
    }

    #[test]
    fn chance_adds_a_fifth_at_most() {
        assert_eq!(pause(1, 1.0, None), Some(Duration::from_secs(6)));
        assert_eq!(pause(1, 7.0, None), Some(Duration::from_secs(6)));
    }

    #[test]
    fn a_longer_retry_after_is_honoured_within_reason() {
        let asked = |seconds| pause(1, 0.0, Some(Duration::from_secs(seconds))).unwrap().as_secs();
        assert_eq!(asked(1), 5);
        assert_eq!(asked(600), 600);
        assert_eq!(asked(u64::MAX), 24 * 3_600);
        assert_eq!(pause(8, 0.0, Some(Duration::from_secs(1))), None, "no wait makes a further attempt");
    }
}

//! When the next insert may begin.

use std::time::Duration;

use tokio::time::Instant;

/// Between two inserts under load: each costs the store some milliseconds of CPU, however much is in it, and a part that
/// it has to merge.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many may follow each other at once after a while without any: a lone run's beginning and its end.
const AT_ONCE: u32 = 3;

/// A few inserts at once after a pause, then one an interval.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the interval of the last insert would end, if all had kept to theirs.
    booked: Option<Instant>,
}

impl Pace {
    /// When the next insert may begin; it counts as begun then.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let booked = self.booked.unwrap_or(now).max(now);
        self.booked = Some(booked + INTERVAL);
        now.max(booked - INTERVAL * (AT_ONCE - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_pause_a_few_begin_at_once_and_then_one_an_interval() {
        let mut pace = Pace::default();
        let start = Instant::now() + Duration::from_secs(3_600);
        for start in [start, start + Duration::from_secs(9)] {
            let mut now = start;
            let mut begun = Vec::new();
            for _ in 0..6 {
                now = pace.next(now);
                begun.push((now - start).as_millis());
            }
            assert_eq!(begun, [0, 0, 0, 100, 200, 300]);
        }
    }

    #[test]
    fn who_keeps_to_the_interval_never_waits() {
        let mut pace = Pace::default();
        let start = Instant::now() + Duration::from_secs(3_600);
        for n in 0..50 {
            let now = start + INTERVAL * n;
            assert_eq!(pace.next(now), now);
        }
    }
}

//! What keeps happening is told once in a while, with how often it was kept back.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use domain::timestamp::Timestamp;

/// Lets something be said at most once in a period.
#[derive(Debug)]
pub struct Seldom {
    period: Duration,
    /// When it was said last, in milliseconds since the epoch.
    said: AtomicI64,
    kept_back: AtomicU64,
}

impl Seldom {
    /// At most once a minute.
    #[must_use]
    pub const fn once_a_minute() -> Self {
        Self { period: Duration::from_secs(60), said: AtomicI64::new(i64::MIN), kept_back: AtomicU64::new(0) }
    }

    /// Whether it may be said now; if so, how often it was kept back since it was said last.
    pub fn may_speak(&self, now: Timestamp) -> Option<u64> {
        let said = self.said.load(Ordering::Relaxed);
        let due = said == i64::MIN || now.since(Timestamp::from_millis(said)) >= self.period;
        let first = due
            && self
                .said
                .compare_exchange(said, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first {
            return Some(self.kept_back.swap(0, Ordering::Relaxed));
        }
        self.kept_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_once_in_a_period_and_tells_what_it_kept_back() {
        let seldom = Seldom::once_a_minute();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        assert_eq!(seldom.may_speak(at(100)), Some(0));
        assert_eq!((seldom.may_speak(at(101)), seldom.may_speak(at(159))), (None, None));
        assert_eq!(seldom.may_speak(at(160)), Some(2));
        // A clock that was set back does not silence it for longer than it was set back.
        assert_eq!((seldom.may_speak(at(0)), seldom.may_speak(at(220))), (None, Some(1)));
    }
}

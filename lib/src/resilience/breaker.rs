//! A circuit breaker: after some failures in a row nobody calls for a while, then one caller probes.
//!
//! Time is an argument, so the same breaker serves sleeping calls, durable timers and tests.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// How long it stays open before one caller may probe.
    pub cool_down: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, cool_down: Duration::from_secs(5) }
    }
}

/// How soon to come back while another caller probes, unless the cool-down is shorter: a probe is decided soon.
const WHILE_PROBING: Duration = Duration::from_millis(250);

/// Guards one destination.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Counts the changes of phase: what a permit of an earlier phase reports no longer matters.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// The call must not be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open for another {} ms", .retry_after.as_millis())]
pub struct Rejected {
    /// When to ask again.
    pub retry_after: Duration,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        let state = State { phase: Phase::Closed { failures: 0 }, epoch: 0 };
        Self { settings, state: Mutex::new(state) }
    }

    /// Asks to make one call at `now`.
    ///
    /// # Errors
    /// While the breaker is open, and while another caller's call probes whether the destination is back.
    pub fn try_acquire(&self, now: Instant) -> Result<Permit<'_>, Rejected> {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed { .. } => {}
            Phase::Open { until } if now >= until => state.enter(Phase::HalfOpen),
            Phase::Open { until } => return Err(Rejected { retry_after: until - now }),
            Phase::HalfOpen => {
                return Err(Rejected { retry_after: WHILE_PROBING.min(self.settings.cool_down) });
            }
        }
        Ok(Permit { breaker: self, epoch: state.epoch, acquired: now, settled: false })
    }

    /// For how long nobody may call at `now`; `None`: it is closed, or the next caller probes.
    #[must_use]
    pub fn open_for(&self, now: Instant) -> Option<Duration> {
        match self.lock().phase {
            Phase::Open { until } => {
                Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
            }
            Phase::Closed { .. } | Phase::HalfOpen => None,
        }
    }

    /// Notes what became of a call that was admitted in `epoch`. True when this opened or closed the breaker.
    fn settle(&self, epoch: u64, failed_at: Option<Instant>) -> bool {
        let mut state = self.lock();
        if epoch != state.epoch {
            return false;
        }
        let Some(now) = failed_at else {
            match &mut state.phase {
                // Not a change of phase: other permits of this epoch still count.
                Phase::Closed { failures } => *failures = 0,
                Phase::Open { .. } | Phase::HalfOpen => {
                    state.enter(Phase::Closed { failures: 0 });
                    return true;
                }
            }
            return false;
        };
        if let Phase::Closed { failures } = &mut state.phase {
            *failures += 1;
            if *failures < self.settings.failures {
                return false;
            }
        }
        state.enter(Phase::Open { until: now + self.settings.cool_down });
        true
    }

    /// A call that was admitted in `epoch` at `acquired` will never be decided.
    fn abandon(&self, epoch: u64, acquired: Instant) {
        let mut state = self.lock();
        if epoch == state.epoch && matches!(state.phase, Phase::HalfOpen) {
            state.enter(Phase::Open { until: acquired });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}

/// Leave to make one call. Dropped without a word (its caller gave up) it says nothing of the destination: the count
/// stays as it is, and a probe leaves its place to the next caller.
#[derive(Debug)]
#[must_use = "a permit that is dropped says nothing of the destination"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    epoch: u64,
    acquired: Instant,
    settled: bool,
}

impl Permit<'_> {
    /// The destination is well. True when this closed the breaker.
    pub fn success(mut self) -> bool {
        self.settled = true;
        self.breaker.settle(self.epoch, None)
    }

    /// The destination failed at `now`. True when this opened the breaker.
    pub fn failure(mut self, now: Instant) -> bool {
        self.settled = true;
        self.breaker.settle(self.epoch, Some(now))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.abandon(self.epoch, self.acquired);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings { failures: 3, cool_down: Duration::from_secs(10) };

    fn opened(at: Instant) -> Breaker {
        let breaker = Breaker::new(SETTINGS);
        let opened = (0..3).map(|_| breaker.try_acquire(at).unwrap().failure(at)).collect::<Vec<_>>();
        assert_eq!(opened, [false, false, true]);
        breaker
    }

    #[test]
    fn a_success_starts_the_count_again() {
        let now = Instant::now();
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..5 {
            breaker.try_acquire(now).unwrap().failure(now);
            breaker.try_acquire(now).unwrap().failure(now);
            breaker.try_acquire(now).unwrap().success();
        }
        assert!(breaker.try_acquire(now).is_ok());
    }

    #[test]
    fn an_open_breaker_says_when_to_come_back_and_then_admits_one_probe() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + Duration::from_secs(4);
        assert_eq!(breaker.open_for(later), Some(Duration::from_secs(6)));
        assert_eq!(breaker.open_for(now + Duration::from_secs(10)), None);
        assert_eq!(breaker.try_acquire(later).unwrap_err().retry_after, Duration::from_secs(6));

        let end = now + Duration::from_secs(10);
        let probe = breaker.try_acquire(end).unwrap();
        assert_eq!(breaker.try_acquire(end).unwrap_err().retry_after, WHILE_PROBING);
        probe.success();
        assert!(breaker.try_acquire(end).is_ok());
    }

    #[test]
    fn a_probe_that_is_dropped_leaves_its_place_to_one_other() {
        let now = Instant::now();
        let breaker = opened(now);
        let end = now + Duration::from_secs(10);
        drop(breaker.try_acquire(end).unwrap());
        let probe = breaker.try_acquire(end).unwrap();
        assert!(breaker.try_acquire(end).is_err());
        assert!(probe.failure(end));
        assert_eq!(breaker.try_acquire(end).unwrap_err().retry_after, SETTINGS.cool_down);
    }

    #[test]
    fn calls_that_are_dropped_are_no_failures_and_no_successes() {
        let now = Instant::now();
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..10 {
            drop(breaker.try_acquire(now).unwrap());
        }
        for opens in [false, false, true] {
            drop(breaker.try_acquire(now).unwrap());
            assert_eq!(breaker.try_acquire(now).unwrap().failure(now), opens);
        }
    }

    #[test]
    fn what_was_called_before_the_breaker_opened_does_not_close_it() {
        let now = Instant::now();
        let breaker = Breaker::new(SETTINGS);
        let slow = breaker.try_acquire(now).unwrap();
        for _ in 0..3 {
            breaker.try_acquire(now).unwrap().failure(now);
        }
        slow.success();
        assert!(breaker.try_acquire(now).is_err());
    }

    proptest! {
        #[test]
        fn at_most_one_probe_is_out_and_every_rejection_ends(ops in proptest::collection::vec((0u8..5, 0u64..6), 1..200)) {
            let breaker = Breaker::new(SETTINGS);
            let mut now = Instant::now();
            let mut held = std::collections::VecDeque::new();
            for (op, seconds) in ops {
                match op {
                    0 => now += Duration::from_secs(seconds),
                    1 => match breaker.try_acquire(now) {
                        Ok(permit) => held.push_back(permit),
                        Err(rejected) => prop_assert!(
                            rejected.retry_after <= SETTINGS.cool_down
                        ),
                    },
                    2 => drop(held.pop_front()),
                    3 => drop(held.pop_front().map(Permit::success)),
                    _ => { held.pop_front().map(|permit| permit.failure(now)); }
                }
                let epoch = breaker.lock().epoch;
                if matches!(breaker.lock().phase, Phase::HalfOpen) {
                    prop_assert_eq!(held.iter().filter(|permit| permit.epoch == epoch).count(), 1);
                }
            }
            // Whatever happened, it recovers: all settle, time passes, one probe succeeds.
            drop(held);
            now += SETTINGS.cool_down;
            breaker.try_acquire(now).unwrap().success();
            prop_assert!(breaker.try_acquire(now).is_ok());
        }
    }
}
